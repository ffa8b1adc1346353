#!/bin/bash
# Tens of thousands of files, copied by cp, tar and rsync, are the same files after a remount.
# limit: 600
. "$(dirname "$0")/../lib.sh"

data=$FLEXFS_TMP/data
mnt=$FLEXFS_TMP/mnt
original=$FLEXFS_TMP/original
: "${COPIES_OF:=/usr/include /usr/share/doc}"  # what is copied

# Makes a copy, because the machine's trees may change meanwhile, and adds kinds of files that they
# lack.
make_original() {
    mkdir "$original"
    # shellcheck disable=SC2086  # a list
    cp -a $COPIES_OF "$original"/ || return
    (
        mkdir -m 1777 "$original/odd" && cd "$original/odd" || exit
        head -c 20000000 /dev/urandom >random
        head -c 8192 /dev/urandom >just-small
        head -c 8193 /dev/urandom >just-larger
        : >empty
        ln random second-name
        ln -s ../no/such/target dangling
        mkfifo -m 600 pipe
        mknod -m 640 device c 1 3
        truncate -s 300M sparse-but-for-its-end && echo end >>sparse-but-for-its-end
        touch -d '1969-07-20T20:17:40.123456789Z' random
        touch -d '2199-12-31T23:59:59.999999999Z' just-small
        chown 12345:54321 empty && chmod 6755 empty
        setfattr -n user.colour -v blue just-larger
        mkdir -p "$(printf 'deep/%.0s' {1..100})"
        touch -- $'new\nline' ' ' '-rf' 'ümläut' "$(printf '%0255d' 0)"
    )
}

copy_with_cp() { cp -a "$original" "$mnt/cp"; }
copy_with_tar() {
    mkdir "$mnt/tar" && tar -C "$original" --format=posix --xattrs --sparse -c . |
        tar -C "$mnt/tar" --xattrs -xp
}
copy_with_rsync() { rsync --archive --hard-links --xattrs --sparse "$original/" "$mnt/rsync/"; }

tools=(cp tar rsync)
compared() {
    local tool
    for tool in "${tools[@]}"; do
        check "the copy by $tool is equal to the original $1" same_tree "$original" "$mnt/$tool"
    done
}

check "a tree to copy can be created" make_original
start_mount "$data" "$mnt" "${small_memory[@]}" || exit
check "cp -a copies the tree" copy_with_cp
check "tar unpacks the tree" copy_with_tar
check "rsync copies the tree" copy_with_rsync
compared "before a remount"
check "copying stays within the memory" stays_small "$mnt"
check "the volume can be remounted" remount "$data" "$mnt" "${small_memory[@]}"
compared "after a remount"
check "walking and reading stays within the memory" stays_small "$mnt"
check "rm -rf removes one copy" rm -rf "$mnt/tar"
check "the other copies are unchanged" same_tree "$original" "$mnt/cp"
