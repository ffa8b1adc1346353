# Servers on loopback for the scripts that need them; sourced after test/lib.sh. test/README.md
# describes them. They end with the script, because test/lib.sh ends what the script started.
# shellcheck shell=bash
servers=$FLEXFS_SOURCE/test/servers

# started NAME COMMAND…: runs COMMAND, which starts a server in the folder NAME, and takes over its
# variables. Without the server the script has nothing to test, so it ends.
started() {
    if ! "${@:2}"; then
        not_ok "the server '$1' starts"
        exit 1
    fi
    # shellcheck disable=SC1090,SC1091  # the server writes it
    . "$FLEXFS_TMP/$1/variables"
}

# start_s3 [OPTION…]: starts an S3 server of this script alone and exports its variables S3_….
start_s3() { started s3 "$servers/ceph" start "$FLEXFS_TMP/s3" "$@"; }

# s3_keys PREFIX: prints the keys in S3_BUCKET that begin so.
s3_keys() {
    python3 -B -c '
import os, sys
sys.path.insert(0, sys.argv[1])
import s3client
for key, _ in s3client.S3().list(os.environ["S3_BUCKET"], sys.argv[2]): print(key)' "$servers" "$1"
}

# s3_remove KEY: removes an object from S3_BUCKET.
s3_remove() {
    python3 -B -c '
import os, sys
sys.path.insert(0, sys.argv[1])
import s3client
s3client.S3().delete(os.environ["S3_BUCKET"], sys.argv[2])' "$servers" "$1"
}

# stop_s3: ends the server; what it stored is gone.
stop_s3() { "$servers/ceph" stop "$FLEXFS_TMP/s3" && rm -rf "$FLEXFS_TMP/s3"; }

# start_azurite [--tls]: starts a server of Azure blobs and exports its variables AZURITE_….
start_azurite() { started azurite "$servers/azurite" start "$FLEXFS_TMP/azurite" "$@"; }

# stop_azurite: ends the server; what it stored is gone.
stop_azurite() { "$servers/azurite" stop "$FLEXFS_TMP/azurite" && rm -rf "$FLEXFS_TMP/azurite"; }

# start_relay UPSTREAM [SETTING=VALUE…]: starts a relay to an address like http://127.0.0.1:PORT and
# exports its variables RELAY_…. RELAY_NAME names a second one; the functions below speak to the
# relay whose RELAY_CONTROL is set.
start_relay() {
    local name=${RELAY_NAME:-relay}
    started "$name" "$servers/relay" start "$FLEXFS_TMP/$name" "$@"
}

# stop_relay: ends it. Its clients see their connections end.
stop_relay() {
    local name=${RELAY_NAME:-relay}
    "$servers/relay" stop "$FLEXFS_TMP/$name" && rm -rf "${FLEXFS_TMP:?}/$name"
}

# relay_set SETTING=VALUE…: changes settings while the relay runs.
relay_set() { control "$RELAY_CONTROL" "/set?$(IFS='&' && echo "$*")"; }

# relay_clear: removes all settings, and ends an outage.
relay_clear() { control "$RELAY_CONTROL" /clear; }

# relay_reset: sets the counters to 0.
relay_reset() { control "$RELAY_CONTROL" /reset; }

# relay_counter KEY: prints one counter, such as requests.put or bytes.to_store; 0 if it never grew.
relay_counter() { counter "$RELAY_CONTROL" "$1"; }

# start_identity: starts a server of credentials and exports its variables ISSUER_….
start_identity() { started identity "$servers/identity" start "$FLEXFS_TMP/identity"; }

# stop_identity: ends it.
stop_identity() {
    "$servers/identity" stop "$FLEXFS_TMP/identity" && rm -rf "$FLEXFS_TMP/identity"
}

# identity_set SETTING=VALUE…: changes settings while it runs.
identity_set() { control "$ISSUER_CONTROL" "/set?$(IFS='&' && echo "$*")"; }

# identity_counter KIND: prints the number of requests of one kind, such as ec2.
identity_counter() { counter "$ISSUER_CONTROL" "requests.$1"; }

# control URL COMMAND: sends a command to the control port of a server, and fails if that fails.
control() {
    python3 -B -c '
import sys
sys.path.insert(0, sys.argv[1])
import common
print(common.control(*sys.argv[2:]))' "$servers" "$1" "$2" >"$FLEXFS_TMP/controlled"
}

# counter URL KEY: prints one counter of a server.
counter() {
    control "$1" /counters && python3 -c '
import json, sys
value = json.load(open(sys.argv[1]))
for key in sys.argv[2].split("."): value = value.get(key, {})
print(value if value != {} else 0)' "$FLEXFS_TMP/controlled" "$2"
}
