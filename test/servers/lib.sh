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

# stop_s3: ends the server; what it stored is gone.
stop_s3() { "$servers/ceph" stop "$FLEXFS_TMP/s3" && rm -rf "$FLEXFS_TMP/s3"; }

# start_azurite [--tls]: starts a server of Azure blobs and exports its variables AZURITE_….
start_azurite() { started azurite "$servers/azurite" start "$FLEXFS_TMP/azurite" "$@"; }

# stop_azurite: ends the server; what it stored is gone.
stop_azurite() { "$servers/azurite" stop "$FLEXFS_TMP/azurite" && rm -rf "$FLEXFS_TMP/azurite"; }
