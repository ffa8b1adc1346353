#!/bin/bash
# The metrics of a mount over HTTP: their values, an address in use, a restart in place, the end.
# builds: release
. "$(dirname "$0")/../lib.sh"

data=$FLEXFS_TMP/data
mnt=$FLEXFS_TMP/mnt
mkdir "$mnt" "$FLEXFS_TMP/second"
port=$(python3 -c '
import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
address=127.0.0.1:$port

page() {
    python3 -c '
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1]).read().decode())' "http://$address$1"
}
# Prints the value of a metric.
metric() { page /metrics | awk -v name="$1" '$1 == name { print int($2) }'; }
above() { (($(metric "$1") > $2)); }

check "a mount starts with an address for its metrics" \
    start_mount "$data" "$mnt" --metricsAddr "$address"
check "it says that it is healthy" eval '[[ $(page /healthz) == ok ]]'
head -c 3000000 /dev/urandom >"$mnt/file"
sync "$mnt/file"
check "puts are counted, with their bytes and durations" eval '
    above "flexfs_mount_object_requests_total{verb=\"put\",outcome=\"ok\"}" 0 &&
    above flexfs_mount_object_put_bytes_total 2999999 &&
    above "flexfs_mount_object_request_duration_seconds_count{verb=\"put\"}" 0'
check "operations of programs are counted" \
    above 'flexfs_mount_fuse_op_duration_seconds_count{op="write"}' 0
check "the memory in use is shown" above flexfs_mount_memory_budget_bytes 1000000
check_fails "another mount cannot have the address" "listen on $address: Address already in use" \
    "$FLEXFS" mount "$FLEXFS_TMP/other" "$FLEXFS_TMP/second" --metricsAddr "$address"
check "it left nothing mounted" eval '! is_mounted "$FLEXFS_TMP/second"'
check "a restart in place succeeds" "$FLEXFS" mount restart "$mnt"
check "the metrics are served after it" above flexfs_mount_memory_budget_bytes 1000000
check "the mount stops" "$FLEXFS" mount stop "$mnt"
check "the address is free then" eval '! page /healthz 2>/dev/null'
