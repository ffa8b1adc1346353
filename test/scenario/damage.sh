#!/bin/bash
# A missing or altered segment is EIO for its bytes; the rest stays readable, and the log reports
# it.
# builds: release sanitize
. "$(dirname "$0")/../lib.sh"

data=$FLEXFS_TMP/data
mnt=$FLEXFS_TMP/mnt
log=$FLEXFS_TMP/mount.log
originals=$FLEXFS_TMP/originals

write_files() {
    local i
    mkdir "$originals" "$mnt/files" || return
    for i in {1..4}; do head -c 9500000 /dev/urandom >"$originals/large$i" || return; done
    for i in {1..50}; do head -c 20000 /dev/urandom >"$originals/small$i" || return; done
    head -c 300 /dev/urandom >"$originals/inline"
    cp -a "$originals/." "$mnt/files"
}

# readable DIR: reads every page of every file; fails if a byte is wrong. Prints how many pages
# cannot be read.
readable() {
    python3 - "$originals" "$1" <<'END_OF_PYTHON'
import errno, os, sys
original, found = sys.argv[1:]
lost = 0
for name in sorted(os.listdir(original)):
    whole = open(f"{original}/{name}", "rb").read()
    fd = os.open(f"{found}/{name}", os.O_RDONLY)
    assert os.fstat(fd).st_size == len(whole), name
    for offset in range(0, len(whole), 4096):
        try:
            page = os.pread(fd, 4096, offset)
        except OSError as problem:
            assert problem.errno == errno.EIO, f"{name}: {problem}"
            lost += 1
        else:
            assert page == whole[offset:offset + 4096], f"{name}: wrong bytes near {offset}"
    os.close(fd)
print(lost)
END_OF_PYTHON
}

segments() { find "$data"/*-*/ -type f -size +1M | sort; }
flip_a_byte() {
    python3 -c '
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([byte ^ 1]))' "$1" "$2"
}

# with_damage NAME SEGMENT COMMAND…: runs COMMAND on SEGMENT, mounts the volume, and reads it.
with_damage() {
    local name=$1 segment=$2 lost
    shift 2
    cp -p "$segment" "$FLEXFS_TMP/kept"
    "$@"
    : >"$log"
    start_mount "$data" "$mnt" --logFile "$log" || { not_ok "it mounts with $name"; return; }
    if lost=$(readable "$mnt/files" 2>&1) && ((lost > 0)); then
        ok "$name costs $lost pages, each an EIO, and no wrong byte"
    else
        not_ok "with $name some pages cannot be read, and no byte is wrong" "$lost"
    fi
    check "the log names the object ($name)" grep -q "${segment##*/}" "$log"
    check "the log names the file ($name)" grep -Eq " /files/[a-z0-9]+: inode [0-9]+ bytes" "$log"
    check "new files can be written ($name)" cp "$originals/large1" "$mnt/new"
    stop_mount "$mnt"
    mv "$FLEXFS_TMP/kept" "$segment"
}

start_mount "$data" "$mnt" --compression none || exit
check "files can be written" write_files
stop_mount "$mnt"
victim=$(segments | head -1)
# The damage is not at the start of a frame, whose header is read only to repack or recover the
# segment.
middle=$(($(stat -c %s "${victim:?no segment}") / 2 + 100000))

with_damage "a missing segment" "$victim" rm "$victim"
with_damage "an altered byte" "$victim" flip_a_byte "$victim" $middle
with_damage "a segment that was cut" "$victim" truncate -s $middle "$victim"
with_damage "an empty segment" "$victim" truncate -s 0 "$victim"
with_damage "another segment in its place" "$victim" cp "$(segments | tail -1)" "$victim"

start_mount "$data" "$mnt"
check "with the segment restored everything is readable" same_tree "$originals" "$mnt/files"
