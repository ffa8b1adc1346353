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
refuses_full() {
    if "$FLEXFS_SOURCE/packaging/quickstart" "$FLEXFS_TMP/full" >"$FLEXFS_TMP/said" 2>&1; then
        return 1
    fi
    cat "$FLEXFS_TMP/said"
    grep -q "full is not empty.*packaging/quickstart FOLDER" "$FLEXFS_TMP/said" &&
        ! grep -q "Packages" "$FLEXFS_TMP/said"
}
check "a mount point that is not empty is refused before anything is built" refuses_full
