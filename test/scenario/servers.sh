#!/bin/bash
# The servers that other scenarios use do what test/README.md says.
# builds: release
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../servers/lib.sh"

# cases NAME: runs the cases of one server; they print their own results.
cases() { python3 "$servers/$1_cases.py" || failures=$((failures + 1)); }

start_s3
cases s3
start_relay "$S3_ENDPOINT"
cases relay
start_azurite
cases azurite
stop_azurite
start_azurite --tls
start_identity
cases identity

fails_twice() { relay_set errors=2x match=flexfs && [[ $(relay_counter requests.all) == 0 ]]; }
relay_reset
check "a script can set a relay and read its counters" fails_twice
check_fails "a relay refuses a setting that it does not have" "nonsense" relay_set nonsense=1
