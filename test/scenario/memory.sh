#!/bin/bash
# A mount with --memCapacity 128M holds at most 64 MiB more, whatever runs at the same time.
# limit: 600
. "$(dirname "$0")/../lib.sh"

data=$FLEXFS_TMP/data
mnt=$FLEXFS_TMP/mnt
: "${LARGE_MIB:=1024}" "${SMALL_FILES:=20000}"

write_large() {
    openssl rand $((LARGE_MIB << 20)) | dd of="$mnt/large" bs=1M conv=fsync status=none
}
read_large() { dd if="$mnt/large" of=/dev/null bs=1M status=none; }
read_randomly() {
    python3 - "$mnt/large" <<'END_OF_PYTHON'
import os, random, sys
dice = random.Random(1)
fd = os.open(sys.argv[1], os.O_RDONLY)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
size = os.fstat(fd).st_size
for _ in range(20000):
    os.pread(fd, dice.choice([100, 4096, 100000]), dice.randrange(size))
END_OF_PYTHON
}
make_small() {
    python3 - "$mnt/small" "$SMALL_FILES" <<'END_OF_PYTHON'
import os, random, sys
folder, count = sys.argv[1], int(sys.argv[2])
dice = random.Random(2)
for number in range(count):
    if number % 1000 == 0: os.makedirs(f"{folder}/{number // 1000}")
    with open(f"{folder}/{number // 1000}/{number}", "wb") as file:
        file.write(dice.randbytes(dice.choice([0, 500, 5000, 20000])))
END_OF_PYTHON
}
walk() {
    find "$mnt" -type f -printf '%s %T@\n' | wc -l && tar -C "$mnt/small" -c . | cat >/dev/null
}
overwrite() {
    local i
    for i in {1..2000}; do
        dd if=/dev/zero of="$mnt/large" bs=10000 count=1 seek=$((RANDOM * 3)) conv=notrunc \
            status=none || return
    done
}
at_once() {
    local command pids=() pid
    for command in "$@"; do $command & pids+=($!); done
    for pid in "${pids[@]}"; do wait "$pid" || return; done
}

start_mount "$data" "$mnt" "${small_memory[@]}" || exit
check "a large file can be written while small ones are" at_once write_large make_small
check "writing stays within the memory" stays_small "$mnt"
remount "$data" "$mnt" "${small_memory[@]}"
check "it can be read in order and at random while the tree is walked" \
    at_once read_large read_randomly walk walk
check "reading stays within the memory" stays_small "$mnt"
check "reading, writing and creating files works at the same time" \
    at_once read_large overwrite read_randomly walk
check "all of it at the same time stays within the memory" stays_small "$mnt"
check "status reports the configured memory budget" eval '
    (($(mount_status "$mnt" memory.budget) == 128 << 20)) &&
    (($(mount_status "$mnt" memory.used) <= 128 << 20))'
check "all files can be removed" rm -rf "$mnt/small" "$mnt/large"
check "removing stays within the memory" stays_small "$mnt"
