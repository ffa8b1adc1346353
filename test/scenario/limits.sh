#!/bin/bash
# --maxInodes and --maxBlocks are exact to the byte, also with several writers; deletion makes room.
# builds: release sanitize
# limit: 300
. "$(dirname "$0")/../lib.sh"

mnt=$FLEXFS_TMP/mnt data=$FLEXFS_TMP/data
blocks=32
limit=$((blocks * 1048576))
flags=(--blockSize 1M --maxBlocks "$blocks" --maxInodes 20)

used() { stat -fc '%S %b %f' "$mnt" | { read -r unit all free && echo $(((all - free) * unit)); }; }
space_is() { [[ $(stat -fc '%S %b' "$mnt") == "4096 $((limit / 4096))" && $(used) == "$1" ]]; }
inodes_left() { stat -fc %d "$mnt"; }
bytes_in() { find "$1" -type f -printf '%s\n' | awk '{n += $1} END {print n + 0}'; }

check "a volume with limits can be created" start_mount "$data" "$mnt" "${flags[@]}"
check "statfs shows the limit of bytes" space_is 0
check "statfs shows the limit of inodes" eval '[[ $(stat -fc "%c %d" "$mnt") == "20 19" ]]'

# Counts how much of a too large file write(2) accepts, without any fsync.
head -c $((limit + 5000000)) /dev/urandom >"$FLEXFS_TMP/big"
fill() { cat "$FLEXFS_TMP/big" >"$mnt/big"; }
check_fails "a write beyond the limit of bytes fails with ENOSPC at once" "No space left" fill
check "the part of it that fits is written" eval '[[ $(stat -c %s "$mnt/big") == "$limit" ]]'
check "statfs shows the volume as full" space_is "$limit"
check_fails "a single further byte fails with ENOSPC" "No space left" eval 'echo x >"$mnt/small"'
check "overwriting unsent data needs no space" \
    dd if="$FLEXFS_TMP/big" of="$mnt/big" bs=100k count=50 conv=notrunc
sync -f "$mnt"
check "overwriting stored data needs no space" \
    dd if="$FLEXFS_TMP/big" of="$mnt/big" bs=100k count=50 conv=notrunc
check "the written data is readable after a remount" eval 'remount "$data" "$mnt" &&
    cmp -n "$limit" "$FLEXFS_TMP/big" "$mnt/big"'
check_fails "the volume is still full after a remount" \
    "No space left" eval 'echo text >"$mnt/small"'
check "a truncation frees space at once" eval 'truncate -s -5M "$mnt/big" &&
    head -c 5M /dev/zero >"$mnt/small"'
check "a deletion frees space at once" eval 'rm "$mnt/big" "$mnt/small" &&
    head -c "$limit" /dev/zero >"$mnt/big"'
rm "$mnt/big"

# Each writer makes many small files and a large one: together exactly up to the limit.
writer() {
    local n=0
    while head -c 100000 /dev/zero >>"$mnt/part$1" && ((++n < 1000)); do :; done
}
race() {
    for i in 1 2 3 4; do writer "$i" 2>/dev/null & done
    wait
    sync -f "$mnt" && [[ $(bytes_in "$mnt") == "$limit" ]]
}
check "four writers together reach exactly the limit" race
check "their data is readable after a remount" eval 'remount "$data" "$mnt" "${flags[@]}" &&
    [[ $(bytes_in "$mnt") == "$limit" ]]'
rm "$mnt"/*

many() { for i in $(seq 30); do mkdir "$mnt/d$1.$i" 2>/dev/null; done; }
crowd() {
    for i in 1 2 3; do many "$i" & done
    wait
    [[ $(find "$mnt" | wc -l) == 20 && $(inodes_left) == 0 ]]
}
check "three makers of folders together reach exactly the limit" crowd
check_fails "one more inode fails with ENOSPC" "No space left" touch "$mnt/more"
rmdir "$mnt"/d*
check "deleting the folders frees inodes at once" \
    eval 'touch "$mnt/more" && [[ $(inodes_left) == 18 ]]'
stop_mount "$mnt"

check_fails "mounting with another limit is refused with the volume's own" \
    "--maxInodes 7: .* made with 20.*max_inodes in .*volume.yaml" \
    start_mount "$data" "$mnt" --maxInodes 7
check_fails "mounting with another block size is refused" \
    "--blockSize 4.0 MiB: .* made with 1.0 MiB" \
    start_mount "$data" "$mnt" --blockSize 4M
sed -i 's/^max_inodes:.*/max_inodes: 30/' "$data/volume.yaml"
check "a limit changed in volume.yaml takes effect" eval 'start_mount "$data" "$mnt" &&
    [[ $(stat -fc %c "$mnt") == 30 ]]'
stop_mount "$mnt"
