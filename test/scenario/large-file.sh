#!/bin/bash
# A file of 3 GiB, written, overwritten at random, cut and punched, equals its local mirror.
# limit: 900
. "$(dirname "$0")/../lib.sh"

data=$FLEXFS_TMP/data
mnt=$FLEXFS_TMP/mnt
load=$FLEXFS_SOURCE/test/load/large-file
: "${LARGE_BYTES:=$((3 << 30))}" "${CHANGES:=3000}" "${SEED:=$RANDOM}"
echo "SEED=$SEED"

large() { "$load" "$1" "$mnt/large" "$FLEXFS_TMP/large" "$2" $((SEED + $3)); }
same() { cmp "$FLEXFS_TMP/$1" "$mnt/$1"; }
# Writes little data far apart, also far beyond the old end after a truncate.
sparse() {
    local file
    for file in "$mnt/sparse" "$FLEXFS_TMP/sparse"; do
        truncate -s 1G "$file" &&
            echo middle | dd of="$file" bs=1 seek=500M conv=notrunc status=none &&
            truncate -s 400M "$file" && truncate -s 2000M "$file" && echo end >>"$file" || return
    done
}
holes_take_no_room() { (($(stat -c %b "$mnt/sparse") * 512 < 1 << 20)); }
many_at_once() {
    local i pids=()
    for i in {1..4}; do
        (
            "$load" write "$mnt/part$i" "$FLEXFS_TMP/part$i" $((64 << 20)) $((SEED + i)) &&
                "$load" change "$mnt/part$i" "$FLEXFS_TMP/part$i" 200 $((SEED + i))
        ) &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i" || return; done
}
all_the_same() {
    local file
    for file in large sparse part{1..4}; do
        check "$file equals its mirror $1" same "$file"
    done
    check "a sparse file uses no space $1" holes_take_no_room
}

start_mount "$data" "$mnt" "${small_memory[@]}" || exit
check "a large file can be written" large write "$LARGE_BYTES" 0
check "random pieces of it are correct" large read 300 1
check "a large file can be changed at random" large change "$CHANGES" 2
check "a sparse file can be created" sparse
check "four files can be written and changed at once" many_at_once
all_the_same "before a remount"
check "large files stay within the memory" stays_small "$mnt"
check "the volume can be remounted" remount "$data" "$mnt" "${small_memory[@]}"
all_the_same "after a remount"
check "a large file can be changed after a remount" large change $((CHANGES / 10)) 3
check "the changes after the remount are readable" same large
check "reading stays within the memory" stays_small "$mnt"
check "large files can be removed" rm "$mnt"/{large,sparse,part1,part2,part3,part4}
