#!/bin/bash
# Random operations have the same results on flexfs as on ext4, and a difference would be found. The
# operations are the same each time; SEED=$RANDOM OPERATIONS=1000000 by hand finds more.
# builds: release sanitize
# limit: 600
. "$(dirname "$0")/../lib.sh"

data=$FLEXFS_TMP/data
ours=$FLEXFS_TMP/flexfs
theirs=$FLEXFS_TMP/ext4
tool=$FLEXFS_SOURCE/test/differential/differential
: "${SEED:=11951}" "${OPERATIONS:=$(per_kind 40000 20000)}"
echo "SEED=$SEED"

# It is an image, so that its features are known.
make_ext4() {
    mkdir "$theirs" && truncate -s 20G "$FLEXFS_TMP/ext4.img" &&
        mkfs.ext4 -q -E lazy_itable_init=1,lazy_journal_init=1 "$FLEXFS_TMP/ext4.img" &&
        mount -o loop "$FLEXFS_TMP/ext4.img" "$theirs" && mkdir "$theirs/a" "$theirs/b"
}

# on B FLAG…: runs the operations on ext4 and on B.
on() {
    local b=$1
    shift
    "$tool" --a "$theirs/a" --b "$b" --seed "$SEED" "$@"
}

# finds LIE PROFILE: the lie is found by a few operations, which find it again, and nothing without
# it.
finds() {
    local found=$FLEXFS_TMP/found.$1 short
    if on "$theirs/b" --lie "$1" --save "$found" --profile "$2" --operations 60000; then
        echo "nothing was found"
        return 1
    fi
    short=$(ls "$found"/*.short) && (($(wc -l <"$short") <= 10)) &&
        ! on "$theirs/b" --lie "$1" --replay "$short" && on "$theirs/b" --replay "$short"
}

same_as_ext4() {
    on "$ours" --profile "$1" --operations "$OPERATIONS" \
        --remount-b "$FLEXFS mount stop $ours && $FLEXFS mount $data $ours ${small_memory[*]}" \
        --restart-b "$FLEXFS mount restart $ours"
}

check "an ext4 to compare with can be created" make_ext4 || exit
check "ext4 and ext4 do not differ" on "$theirs/b" --operations 10000
check "a lost byte is found and shrunk to a short sequence" finds byte data
check "a wrong errno is found and shrunk to a short sequence" finds errno names
check "a wrong time is found and shrunk to a short sequence" finds times attributes
check "a flexfs can be mounted" start_mount "$data" "$ours" "${small_memory[@]}" \
    --blockSize 256K || exit
for profile in all names data; do
    check "flexfs does not differ from ext4 in profile $profile" same_as_ext4 "$profile"
done
check "flexfs can be unmounted, and its process ends" stop_mount "$ours"
