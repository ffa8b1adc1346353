#!/bin/bash
# packaging/quickstart mounts, and can be repeated, mounted or not.
. "$(dirname "$0")/../lib.sh"

mnt=$FLEXFS_TMP/mnt
export FLEXFS_DATA=$FLEXFS_TMP/data
quickstart() { "$FLEXFS_SOURCE/packaging/quickstart" "$mnt"; }

check "quickstart ends with a mounted volume" quickstart
check "the file that quickstart wrote can be read" grep -q "Hello from flexfs" "$mnt/hello.txt"
check "quickstart works while the volume is mounted" quickstart
echo kept >"$mnt/mine"
stop_mount "$mnt"
check "quickstart mounts an unmounted volume again" quickstart
check "files from before are readable" grep -qx kept "$mnt/mine"
kill_mount "$mnt"
check "quickstart works after a kill -9" quickstart
stop_mount "$mnt"

mkdir "$FLEXFS_TMP/full"
touch "$FLEXFS_TMP/full/file"
check_fails "a mount point that is not empty is refused with a sentence" "not empty|nonEmpty" \
    "$FLEXFS_SOURCE/packaging/quickstart" "$FLEXFS_TMP/full"
