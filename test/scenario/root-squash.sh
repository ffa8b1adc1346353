#!/bin/bash
# With --rootSquash root has no power over the files of others, and acts as another user.
# builds: release sanitize
. "$(dirname "$0")/../lib.sh"

mnt=$FLEXFS_TMP/mnt data=$FLEXFS_TMP/data
chmod 755 "$FLEXFS_TMP"
alice=(setpriv --reuid 64001 --regid 64001 --clear-groups)

start_mount "$data" "$mnt"
mkdir "$mnt/theirs" "$mnt/private" "$mnt/shared" "$mnt/tmp"
echo text >"$mnt/theirs/file"
echo text >"$mnt/theirs/secret"
echo text >"$mnt/private/file"
cp /bin/true "$mnt/theirs/program"
chown -R 64001:64001 "$mnt/theirs" "$mnt/private" "$mnt/tmp"
chmod 600 "$mnt/theirs/secret"
chmod 700 "$mnt/private"
chmod 777 "$mnt/shared"
chmod 1777 "$mnt/tmp"
chmod 744 "$mnt/theirs/program"
setfattr -n trusted.a -v 1 "$mnt/theirs/file"
setfattr -n user.a -v 1 "$mnt/theirs/secret"
ln -s file "$mnt/theirs/link"
check "a volume is mounted again with --rootSquash" \
    remount "$data" "$mnt" --rootSquash --rootSquashUID 64100 --rootSquashGID 64200

owner() { stat -c %u:%g "$1"; }
denied="Permission denied"
refused="Operation not permitted"

check "a squashed root reads what others may read" grep -qx text "$mnt/theirs/file"
check "and by a symlink" grep -qx text "$mnt/theirs/link"
check_fails "it does not read the secrets of others" "$denied" cat "$mnt/theirs/secret"
check_fails "nor what is in their private folders" "$denied" cat "$mnt/private/file"
check_fails "nor lists these" "$denied" ls "$mnt/private"
check_fails "nor asks whether a name is there" "$denied" stat "$mnt/private/nothing"
check_fails "it does not write the files of others" "$denied" \
    bash -c 'echo more >>"$1"' - "$mnt/theirs/file"
check_fails "nor empties them" "$denied" bash -c ': >"$1"' - "$mnt/theirs/file"
check_fails "nor truncates them" "$denied" truncate -s 1 "$mnt/theirs/file"
check_fails "nor removes them" "$denied" rm -f "$mnt/theirs/file"
check_fails "nor makes new ones beside them" "$denied" touch "$mnt/theirs/new"
check_fails "nor renames them" "$denied" mv "$mnt/theirs/file" "$mnt/shared/file"
check_fails "nor runs what is not for it" "$denied" "$mnt/theirs/program"
check_fails "it does not chmod" "$refused" chmod 777 "$mnt/theirs/file"
check_fails "nor chown" "$refused" chown 0 "$mnt/theirs/file"
check_fails "nor set times" "$refused" \
    python3 -c 'import os, sys; os.utime(sys.argv[1], (1, 1))' "$mnt/theirs/file"
check_fails "nor touch" "$denied" touch "$mnt/theirs/file"
check_fails "nor see trusted attributes" "No such attribute" \
    getfattr -n trusted.a "$mnt/theirs/file"
check_fails "nor read user attributes of what it may not read" "$denied" \
    getfattr -n user.a "$mnt/theirs/secret"
check_fails "nor make devices" "$refused" mknod "$mnt/shared/null" c 1 3

check "it makes files where everybody may" bash -c 'echo own >"$1"' - "$mnt/shared/own"
check "they are the other user's" test "$(owner "$mnt/shared/own")" = 64100:64200
check "it writes them, and opens them with O_CREAT again" \
    bash -c 'echo more >>"$1" && grep -qx more "$1"' - "$mnt/shared/own"
check "it may chmod them" chmod 600 "$mnt/shared/own"
writes_mapped() {
    python3 - "$1" <<'END_OF_PYTHON'
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
with mmap.mmap(fd, 3) as area:
    area[:] = b"new"
os.fsync(fd)
END_OF_PYTHON
    grep -q ^new "$1"
}
mode() { stat -c %a "$1"; }
check "what it writes into them through a mapping leaves setuid" eval '
    chmod 4700 "$mnt/shared/own" && writes_mapped "$mnt/shared/own" &&
        [[ $(mode "$mnt/shared/own") == 4700 ]]'
check "what it writes with write(2) takes it away" eval '
    echo more >>"$mnt/shared/own" && [[ $(mode "$mnt/shared/own") == 700 ]]'
check_fails "it may not give them away" "$refused" chown 64001 "$mnt/shared/own"
check "it makes folders" mkdir "$mnt/shared/folder"
check "they are the other user's, too" test "$(owner "$mnt/shared/folder")" = 64100:64200
check "it removes them" rmdir "$mnt/shared/folder"

touch "$mnt/tmp/own"
"${alice[@]}" touch "$mnt/tmp/theirs"
check_fails "in a sticky folder the names of others stay" "$refused" rm -f "$mnt/tmp/theirs"
check "and its own goes" rm "$mnt/tmp/own"

check "other users do with their files what they like" \
    "${alice[@]}" bash -c 'cd "$1" && cat secret && echo more >>file && chmod 640 file && rm file' \
    - "$mnt/theirs"
check "an ACL lets the other user in" bash -c '
    "${@:2}" setfacl -m u:64100:r "$1" && grep -qx text "$1"' - "$mnt/theirs/secret" "${alice[@]}"
check "and a mode of the owner keeps it out" bash -c '
    "${@:2}" chmod 600 "$1" && ! cat "$1"' - "$mnt/theirs/secret" "${alice[@]}"

check "without the flag root has its power again" remount "$data" "$mnt"
check "over everything" bash -c 'cat "$1"/private/file && chown 0 "$1"/theirs/secret' - "$mnt"
