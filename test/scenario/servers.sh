#!/bin/bash
# The servers that other scenarios use do what test/README.md says.
# builds: release
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../servers/lib.sh"

# cases NAME: runs the cases of one server; they print their own results.
cases() { python3 "$servers/$1_cases.py" || failures=$((failures + 1)); }

start_s3
cases s3
start_azurite
cases azurite
