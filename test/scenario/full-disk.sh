#!/bin/bash
# A disk full of data or metadata is ENOSPC; nothing synced is lost; with more room, work continues.
# builds: release sanitize
. "$(dirname "$0")/../lib.sh"

mnt=$FLEXFS_TMP/mnt
small=$FLEXFS_TMP/small  # a filesystem with little room
kept=$FLEXFS_TMP/kept    # copies of what was synced

# make_small MEGABYTES FILLER_MEGABYTES: makes the disk, and a filler that is removed to make room.
make_small() {
    mkdir -p "$small" && mount -t tmpfs -o "size=${1}m" none "$small" &&
        head -c "${2}M" /dev/zero >"$small/filler" && mkdir "$kept"
}
# fill SIZE: writes synced files of SIZE bytes until one is refused; keeps copies of the others.
fill() {
    python3 - "$mnt/files" "$kept" "$1" <<'END_OF_PYTHON'
import errno, os, sys
folder, kept, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.makedirs(folder, exist_ok=True)
for number in range(100000):
    name, data = f"{size}.{number}", os.urandom(size)
    try:
        with open(f"{folder}/{name}", "wb", buffering=0) as file:
            file.write(data)
            os.fsync(file.fileno())
    except OSError as problem:
        assert problem.errno == errno.ENOSPC, problem
        print(f"ENOSPC after {number} files")
        sys.exit(0 if number > 3 else "there was hardly any room to begin with")
    with open(f"{kept}/{name}", "wb") as file:
        file.write(data)
sys.exit("it was never full")
END_OF_PYTHON
}
kept_is_there() {
    local file
    for file in "$kept"/*; do cmp "$file" "$mnt/files/${file##*/}" || return; done
}
write_synced() { dd if="$1" of="$2" bs=64K conv=fsync status=none; }
write_many() {
    local i
    head -c "$1" /dev/urandom >"$FLEXFS_TMP/piece"
    for i in {1..10000}; do write_synced "$FLEXFS_TMP/piece" "$mnt/more$i" || return; done
}
is_alive() { kill -0 "$(mount_pid "$mnt")"; }
says_no_space() {
    local said
    said=$("$@" 2>&1) && return 1
    grep -q "No space left" <<<"$said" || { echo "$said"; return 1; }
}

# full NAME DATA SIZE [FLAG…]: fills the disk with files of SIZE through a mount of DATA.
full() {
    local name=$1 data=$2 size=$3 random=$FLEXFS_TMP/random
    shift 3
    head -c 3000000 /dev/urandom >"$random"
    start_mount "$data" "$mnt" "$@" || { not_ok "it mounts ($name)"; return; }
    check "writing to a full disk fails with ENOSPC ($name)" fill "$size"
    check "synced data is readable ($name)" kept_is_there
    check "the mount still answers ($name)" is_alive
    kill_mount "$mnt"
    check "the volume mounts on a full disk ($name)" start_mount "$data" "$mnt" "$@"
    check "synced data is readable after a kill ($name)" kept_is_there
    check "the disk is still full ($name)" says_no_space write_many "$size"
    rm "$small/filler"
    check "large files can be written once there is free space ($name)" eval '
        wait_until 20 write_synced "$random" "$mnt/again" && cmp "$random" "$mnt/again"'
    check "small files can be written once there is free space ($name)" \
        eval 'for i in {1..300}; do echo $i >"$mnt/tiny$i"; done'
    check "the mount stops ($name)" stop_mount "$mnt"
    check "the volume can be mounted again ($name)" start_mount "$data" "$mnt" "$@"
    check "synced data is readable after all of it ($name)" kept_is_there
    check "data written with free space is readable ($name)" eval '
        cmp "$random" "$mnt/again" && [[ $(cat "$mnt/tiny300") == 300 ]]'
    stop_mount "$mnt"
    umount "$small"
    rm -rf "$kept"
}

make_small 96 32
full "data" "$small/data" 1000000 --dbFolder "$FLEXFS_TMP/db"
make_small 48 32
full "metadata" "$FLEXFS_TMP/data" 4000 --dbFolder "$small/db"
make_small 96 32
full "data and metadata" "$small/data" 60000

# Deleting makes room, although recording the deletion takes some.
# remove_half: removes every second file and its copy.
remove_half() {
    local file number=0
    for file in "$kept"/*; do
        ((number++ % 2)) || rm "$file" "$mnt/files/${file##*/}" || return
    done
}
# refill BYTES SIZE: writes BYTES bytes in new synced files of SIZE, retrying for up to 30 s.
refill() {
    python3 - "$mnt/files" "$kept" "$1" "$2" <<'END_OF_PYTHON'
import errno, os, sys, time
folder, kept, total, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
until = time.monotonic() + 30
for number in range(total // size):
    name, data = f"again{time.time_ns()}", os.urandom(size)
    while True:
        try:
            with open(f"{folder}/{name}", "wb", buffering=0) as file:
                file.write(data)
                os.fsync(file.fileno())
            break
        except OSError as problem:
            assert problem.errno == errno.ENOSPC and time.monotonic() < until, (number, problem)
            time.sleep(0.2)
    with open(f"{kept}/{name}", "wb") as file:
        file.write(data)
END_OF_PYTHON
}
# own NAME SIZE SHARE: fills a volume that is alone on its disk with files of SIZE; after deletions,
# SHARE percent of their space can be used again. The database keeps the space of files in the
# metadata.
own() {
    local name=$1 size=$2 share=$3 bytes again
    make_small 48 0
    start_mount "$small/data" "$mnt"
    check "a volume can fill its own disk ($name)" fill "$size"
    check "synced data is readable on the full disk ($name)" kept_is_there
    bytes=$(du -sb --apparent-size "$kept" | cut -f1)
    # The log and the journal of these changes take some of it.
    again=$((bytes / 2 * share / 100 - (256 << 10)))
    check "half of the files can be removed ($name)" remove_half
    check "$share % of the freed space can be written again ($name)" refill $again "$size"
    check "the kept files are readable ($name)" kept_is_there
    check "the kept files are readable after a mount of the full disk ($name)" eval '
        remount "$small/data" "$mnt" && kept_is_there'
    kill_mount "$mnt"
    check "the kept files are readable after a kill ($name)" \
        eval 'start_mount "$small/data" "$mnt" && kept_is_there'
    check "all files can be removed ($name)" rm -r "$mnt/files"
    rm -f "$kept"/*
    check "the space is free again ($name)" eval 'mkdir "$mnt/files" && refill $again "$size"'
    check "the mount of its own disk stops ($name)" stop_mount "$mnt"
    umount "$small"
    rm -rf "$kept"
}
own "large files" 1000000 100
own "small files" 60000 100
own "files in the metadata" 4000 50

make_small 8 8 2>/dev/null
check_fails "creating a volume on a full disk fails with a sentence" "No space left" \
    start_mount "$small/data" "$mnt"
check "no volume is mounted on a full disk" eval '! is_mounted "$mnt"'
umount "$small"
