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
check "a volume can be remounted with --rootSquash" \
    remount "$data" "$mnt" --rootSquash --rootSquashUID 64100 --rootSquashGID 64200

owner() { stat -c %u:%g "$1"; }
denied="Permission denied"
refused="Operation not permitted"

check "a squashed root reads files that others may read" grep -qx text "$mnt/theirs/file"
check "a squashed root reads such files through a symlink" grep -qx text "$mnt/theirs/link"
check_fails "a squashed root cannot read the private files of others" \
    "$denied" cat "$mnt/theirs/secret"
check_fails "a squashed root cannot read files in private folders" "$denied" cat "$mnt/private/file"
check_fails "a squashed root cannot list private folders" "$denied" ls "$mnt/private"
check_fails "a squashed root cannot look up names in private folders" \
    "$denied" stat "$mnt/private/nothing"
check_fails "a squashed root cannot write the files of others" "$denied" \
    bash -c 'echo more >>"$1"' - "$mnt/theirs/file"
check_fails "a squashed root cannot empty the files of others with O_TRUNC" \
    "$denied" bash -c ': >"$1"' - "$mnt/theirs/file"
check_fails "a squashed root cannot truncate the files of others" \
    "$denied" truncate -s 1 "$mnt/theirs/file"
check_fails "a squashed root cannot remove the files of others" "$denied" rm -f "$mnt/theirs/file"
check_fails "a squashed root cannot create files beside them" "$denied" touch "$mnt/theirs/new"
check_fails "a squashed root cannot rename them" "$denied" mv "$mnt/theirs/file" "$mnt/shared/file"
check_fails "a squashed root cannot run programs without permission" "$denied" "$mnt/theirs/program"
check_fails "a squashed root cannot chmod the files of others" \
    "$refused" chmod 777 "$mnt/theirs/file"
check_fails "a squashed root cannot chown the files of others" "$refused" chown 0 "$mnt/theirs/file"
check_fails "a squashed root cannot set the times of the files of others" "$refused" \
    python3 -c 'import os, sys; os.utime(sys.argv[1], (1, 1))' "$mnt/theirs/file"
check_fails "a squashed root cannot touch the files of others" "$denied" touch "$mnt/theirs/file"
check_fails "a squashed root cannot see trusted attributes" "No such attribute" \
    getfattr -n trusted.a "$mnt/theirs/file"
check_fails "a squashed root cannot read user attributes of unreadable files" "$denied" \
    getfattr -n user.a "$mnt/theirs/secret"
check_fails "a squashed root cannot make devices" "$refused" mknod "$mnt/shared/null" c 1 3

check "a squashed root creates files where everybody may" \
    bash -c 'echo own >"$1"' - "$mnt/shared/own"
check "its files belong to the other user" test "$(owner "$mnt/shared/own")" = 64100:64200
check "it writes its files, and opens them with O_CREAT again" \
    bash -c 'echo more >>"$1" && grep -qx more "$1"' - "$mnt/shared/own"
check "it may chmod its files" chmod 600 "$mnt/shared/own"
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
check "its writes through a mapping keep setuid" eval '
    chmod 4700 "$mnt/shared/own" && writes_mapped "$mnt/shared/own" &&
        [[ $(mode "$mnt/shared/own") == 4700 ]]'
check "its writes with write(2) clear setuid" eval '
    echo more >>"$mnt/shared/own" && [[ $(mode "$mnt/shared/own") == 700 ]]'
check_fails "it may not give its files away" "$refused" chown 64001 "$mnt/shared/own"
check "it creates folders" mkdir "$mnt/shared/folder"
check "its folders belong to the other user" test "$(owner "$mnt/shared/folder")" = 64100:64200
check "it removes its folders" rmdir "$mnt/shared/folder"

touch "$mnt/tmp/own"
"${alice[@]}" touch "$mnt/tmp/theirs"
check_fails "in a sticky folder it cannot remove the names of others" \
    "$refused" rm -f "$mnt/tmp/theirs"
check "in a sticky folder it can remove its own" rm "$mnt/tmp/own"

check "other users have their usual access to their files" \
    "${alice[@]}" bash -c 'cd "$1" && cat secret && echo more >>file && chmod 640 file && rm file' \
    - "$mnt/theirs"
check "an ACL can grant access to the other user" bash -c '
    "${@:2}" setfacl -m u:64100:r "$1" && grep -qx text "$1"' - "$mnt/theirs/secret" "${alice[@]}"
check "the mode of an owned file denies access to the other user" bash -c '
    "${@:2}" chmod 600 "$1" && ! cat "$1"' - "$mnt/theirs/secret" "${alice[@]}"

check "the volume can be remounted without the flag" remount "$data" "$mnt"
check "without the flag root has all of its permissions" \
    bash -c 'cat "$1"/private/file && chown 0 "$1"/theirs/secret' - "$mnt"
