#!/bin/bash
# A mount that cannot be made is refused in a sentence; nothing crashes, and nothing stays mounted.
# builds: release sanitize
. "$(dirname "$0")/../lib.sh"

data=$FLEXFS_TMP/data
mnt=$FLEXFS_TMP/mnt
other=$FLEXFS_TMP/other
mkdir "$mnt" "$other"
chmod 711 "$FLEXFS_TMP"

PATH=$FLEXFS_TMP/bin:$PATH
mkdir "$FLEXFS_TMP/bin" && ln -s "$FLEXFS" "$FLEXFS_TMP/bin/flexfs"

# Texts of strerror(3) that explain nothing.
vague="Protocol error|Input/output error|Invalid argument"
# refused NAME PATTERN COMMAND…: ends with 1 or 2 and one or two sentences, and mounts nothing.
refused() {
    local name=$1 pattern=$2 said status mounts
    shift 2
    mounts=$(own_mounts)
    said=$(timeout 30 "$@" 2>&1)
    status=$?
    if ((status != 1 && status != 2)); then
        not_ok "$name" "exit $status: $said"
        ((status != 0)) || flexfs mount stop "$mnt"
    elif [[ $(wc -l <<<"$said") -gt 2 ]] || ! grep -Eqi -- "$pattern" <<<"$said" ||
        grep -Eq "$vague" <<<"$said"; then
        not_ok "$name" "it said: $said"
    elif [[ $(own_mounts) != "$mounts" ]]; then
        not_ok "$name" "something is mounted"
    else
        echo "    ${said//$'\n'/$'\n    '}"
        ok "$name"
    fi
}
as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups
    env FLEXFS_HOME="$FLEXFS_TMP/nobody")
is_running() { kill -0 "$1" 2>/dev/null; }

# --- the command line ---
refused "an unknown flag is refused with the nearest one" "memCapacity" \
    flexfs mount "$data" "$mnt" --memCapcity 1G
refused "an unknown option of -o is refused with the nearest one" "noATime" \
    flexfs mount "$data" "$mnt" -o noAtim
refused "an invalid size is refused" "memCapacity.*lots|lots.*memCapacity" \
    flexfs mount "$data" "$mnt" --memCapacity lots
refused "a missing mount point on the command line is reported" "DIR" flexfs mount "$data"
refused "an unknown scheme is refused" "gopher" flexfs mount gopher://x "$mnt"
refused "an unknown kind of store is refused, with those that there are" \
    "no store of kind 'ftp:'.*\./folder.*s3://" flexfs mount ftp://bucket "$mnt"
refused "a secret in an address is refused, with the place where it belongs" \
    "blockPass does not belong in an address.*--credsFile" \
    flexfs mount "s3://bucket/x?blockPass=hunter2" "$mnt"
refused "a setting of a bucket is refused for a folder" "--region is for a bucket" \
    flexfs mount "$data" "$mnt" --region eu-west-1
refused "a folder without a slash is refused, with the path to write" \
    "write \./d2 for the folder d2" flexfs mount d2 "$mnt"
refused "a log file that cannot be opened is refused" \
    "cannot open the log file $other: Is a directory" flexfs mount "$data" "$mnt" --logFile "$other"
refused "an unknown fault of a store is refused" "latencie|latency" \
    flexfs mount "file://$data?latencie=1s" "$mnt"
refused "an unknown role is refused with the nearest one" "mount" flexfs mout

# --- the data folder ---
touch "$FLEXFS_TMP/file"
refused "a file is refused as data folder" \
    "not a (folder|directory)" flexfs mount "$FLEXFS_TMP/file" "$mnt"
refused "a folder below a file is refused" "not a (folder|directory)" \
    flexfs mount "$FLEXFS_TMP/file/data" "$mnt"
refused "a folder whose parent is missing is refused" "no such|not there|does not exist" \
    flexfs mount "$FLEXFS_TMP/missing/data" "$mnt"
mkdir "$other/full" && touch "$other/full/holiday.jpg"
refused "a folder with other files is refused" "other files.*holiday.jpg" \
    flexfs mount "$other/full" "$mnt"
check "a refused folder stays unchanged" eval '[[ $(ls -A "$other/full") == holiday.jpg ]]'
mkdir -m 700 "$FLEXFS_TMP/nobody" "$FLEXFS_TMP/theirs" "$other/mine"
chown 65534:65534 "$FLEXFS_TMP/nobody" "$FLEXFS_TMP/theirs"
refused "a folder without permission is refused" "permission" \
    "${as_nobody[@]}" flexfs mount "$other/mine" "$FLEXFS_TMP/theirs"
refused "a mount point in which the user may not write is refused" \
    "may not write in the mount point $mnt" \
    "${as_nobody[@]}" flexfs mount "$FLEXFS_TMP/theirs/data" "$mnt"
mkdir "$other/disk" && mount -t tmpfs none "$other/disk"
start_mount "$other/disk/data" "$mnt" && stop_mount "$mnt"
chmod 777 "$other/disk/data" "$other/disk/data/meta"
refused "a volume of another user is refused with its lock file" \
    "may not write the lock file $other/disk/data/lock" \
    "${as_nobody[@]}" flexfs mount "$other/disk/data" "$FLEXFS_TMP/theirs" --ro
mount -o remount,ro "$other/disk"
refused "a volume on a read-only disk is refused, even with --ro" \
    "$other/disk/data is on a read-only disk; flexfs writes" \
    flexfs mount "$other/disk/data" "$mnt" --ro
umount "$other/disk"

start_mount "$data" "$mnt" || exit
pid=$(mount_pid "$mnt")
echo kept >"$mnt/kept"
mkdir "$other/mnt"
refused "a folder in use is refused with the process that uses it" "process $pid|pid $pid" \
    flexfs mount "$data" "$other/mnt"
refused "a mount point in use is refused with the process that uses it" "process $pid|pid $pid" \
    flexfs mount "$other/data" "$mnt"
check "the mount in use keeps working" eval 'is_running $pid && grep -qx kept "$mnt/kept"'
stop_mount "$mnt"

cp -a "$data" "$other/newer"
sed -i 's/^format:.*/format: 99/' "$other/newer/volume.yaml"
refused "a volume of a newer format is refused" "newer" flexfs mount "$other/newer" "$mnt"
cp -a "$data" "$other/yaml"
echo "block_size: [" >"$other/yaml/volume.yaml"
refused "an invalid volume.yaml is refused with the line" "volume.yaml.*line|volume.yaml:[0-9]" \
    flexfs mount "$other/yaml" "$mnt"

# --- the mount point ---
refused "a missing mount point is refused" "no such|not there|does not exist" \
    flexfs mount "$data" "$FLEXFS_TMP/missing"
refused "a missing mount point is refused before a volume is created" "does not exist" \
    flexfs mount "$FLEXFS_TMP/unmade" "$FLEXFS_TMP/missing"
check "no volume is created if the mount is refused" test ! -e "$FLEXFS_TMP/unmade"
refused "a file is refused as mount point" "not a (folder|directory)" \
    flexfs mount "$data" "$FLEXFS_TMP/file"
refused "a mount point that is not empty is refused" "not empty|holds files" \
    flexfs mount "$data" "$other/full"
check "--nonEmpty mounts over a folder that is not empty" \
    flexfs mount "$data" "$other/full" --nonEmpty
check "the mount hides the files of the folder" grep -qx kept "$other/full/kept"
stop_mount "$other/full"
mkdir "$other/tmpfs" && mount -t tmpfs none "$other/tmpfs" && touch "$other/tmpfs/x"
refused "a mount point of another mount is refused" "mounted|not empty" \
    flexfs mount "$data" "$other/tmpfs"
umount "$other/tmpfs"
refused "a data folder is refused as its own mount point" "not empty|holds files|inside|itself" \
    flexfs mount "$data" "$data"
refused "a system without /dev/fuse is reported" "this system has no /dev/fuse" \
    unshare --mount --propagation private \
    bash -c 'mount -t tmpfs none /dev && touch /dev/null && exec "$@"' - flexfs mount "$data" "$mnt"

# --- volumes and mount points inside each other ---
# not_made NAME PATTERN VOLUME DIR [FLAG…]: is refused, and no volume is made.
not_made() {
    refused "$1" "$2" flexfs mount "${@:3}"
    check "nothing is created ($1)" test ! -e "$3/volume.yaml" -a ! -e "$3/lock"
}
mkdir -p "$other/nest/mnt" "$other/cover"
not_made "a mount point in the folder of the volume is refused" "mnt is inside .*nest" \
    "$other/nest" "$other/nest/mnt"
not_made "a mount point in the folder of a new volume is refused" "mnt is inside .*none" \
    "$other/none" "$other/none/mnt"
not_made "a mount that would hide its volume is refused" "hide .*cover/data" \
    "$other/cover/data" "$other/cover" --nonEmpty
not_made "a mount that would hide its database is refused" "hide .*cover/db" \
    "$other/new" "$other/cover" --dbFolder "$other/cover/db"
not_made "a database in a missing folder is refused" \
    "cannot create .*db: .*gone does not exist" \
    "$other/new" "$mnt" --dbFolder "$other/gone/db"
check "a mount point beside the database is accepted" \
    flexfs mount "$FLEXFS_TMP/beside" "$other/nest/mnt" --dbFolder "$other/nest"
stop_mount "$other/nest/mnt"
check "a new volume may be given with a trailing slash" \
    flexfs mount "file://$FLEXFS_TMP/slash//" "$mnt"
stop_mount "$mnt"
ln -s "$data" "$other/link"
not_made "a volume in another one is refused" "inside the volume in $data" "$data/inner" "$mnt"
not_made "also by a link" "inside the volume in $data" "$other/link/meta/inner" "$mnt"
mkdir "$data/inside"
refused "a mount point inside the folder of an existing volume is refused" "inside is inside" \
    flexfs mount "$data" "$data/inside"
refused "a link to such a mount point is refused" \
    "inside is inside" flexfs mount "$other/link" "$data/inside"
rmdir "$data/inside"

# --- the database ---
# damaged NAME COMMAND…: mounts a copy of the volume after COMMAND was run on its database.
damaged() {
    local copy=$other/$1
    shift
    cp -a "$data" "$copy"
    rm -f "$copy"/meta/volume.db-*
    "$@" "$copy/meta/volume.db"
}
overwrite_head() { head -c 100 /dev/urandom | dd of="$1" conv=notrunc status=none; }
damaged head overwrite_head
refused "a database with a damaged header is refused" "damaged|not a database|corrupt|malformed" \
    flexfs mount "$other/head" "$mnt"
damaged short truncate -s 5000
refused "a truncated database is refused" "damaged|not a database|corrupt|malformed" \
    flexfs mount "$other/short" "$mnt"
damaged empty truncate -s 0
refused "an empty database is refused" "damaged|not a database|corrupt|empty|no volume" \
    flexfs mount "$other/empty" "$mnt"
damaged gone rm
refused "a missing database is refused" \
    "not there|missing|no such" flexfs mount "$other/gone" "$mnt"
refused "a folder without a database is refused as --dbFolder, with the right one" \
    "dbFolder $other/none holds no database.*in $data/meta, so leave out --dbFolder" \
    flexfs mount "$data" "$mnt" --dbFolder "$other/none"

# --- status and stop ---
refused "status of a folder that is not a mount fails" \
    "no .*mount|not.*mount" flexfs mount status "$mnt"
refused "stop of a folder that is not a mount fails" \
    "no .*mount|not.*mount" flexfs mount stop "$mnt"
check "the volume still mounts after all refusals" start_mount "$data" "$mnt"
check "the volume still holds its files" grep -qx kept "$mnt/kept"
