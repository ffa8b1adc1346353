#!/bin/bash
# The command line before anything is done: roles, help, bad usage, names, bench.
# builds: release sanitize
# limit: 300
. "$(dirname "$0")/../lib.sh"

golden=$FLEXFS_SOURCE/test/golden

# code EXPECTED COMMAND…: succeeds if the command ends with that exit code.
code() {
    local expected=$1 actual=0
    shift
    "$@" || actual=$?
    echo "exit code $actual"
    ((actual == expected))
}

# --- help ---

# golden/mount-start.help is the exact output of `flexfs mount start --help`.
same_help() {
    local words
    words=$(basename "$1" .help)
    # shellcheck disable=SC2086  # one word per argument
    diff -u "$1" <("$FLEXFS" ${words//-/ } --help)
}
for file in "$golden"/*.help; do
    check "the help of $(basename "$file" .help) is as it was" same_help "$file"
done

every_role_has_help() {
    local role
    for role in $("$FLEXFS" | sed -n '/^Roles:/,/^$/s/^  \(\w*\)  .*/\1/p'); do
        [[ -f $golden/$role.help ]] || { echo "no golden help for $role" && return 1; }
    done
}
check "every role has a help text in test/golden" every_role_has_help

# --- exit codes ---

check "flexfs without arguments lists the roles" grep -q '^  bench ' <("$FLEXFS")
check "flexfs --help lists the version command" grep -q '^ *flexfs version$' <("$FLEXFS" --help)
check "flexfs --version prints the version" grep -qE '^flexfs [0-9]' <("$FLEXFS" --version)
check "the version command of a role prints the same version" \
    diff <("$FLEXFS" --version) <("$FLEXFS" bench version)
check "help names a role" diff <("$FLEXFS" mount --help) <("$FLEXFS" help mount)
check "help names a command of a role" \
    diff <("$FLEXFS" mount stop --help) <("$FLEXFS" help mount stop)
check "an unknown role exits with 2" code 2 "$FLEXFS" frobnicate
check_fails "an unknown role is refused with the nearest one" "did you mean 'bench'" "$FLEXFS" bnech
check_fails "umount is answered with the command of a mount" "did you mean 'mount stop'" \
    "$FLEXFS" umount "$FLEXFS_TMP/mnt"
check_fails "a list of mounts is answered with status" "did you mean 'status'" "$FLEXFS" mount list
check_fails "another word for --ro is answered with it" "did you mean --ro" \
    "$FLEXFS" mount "$FLEXFS_TMP/data" "$FLEXFS_TMP/mnt" --readOnly
check_fails "another word for ro in -o is answered with it" "did you mean 'ro'" \
    "$FLEXFS" mount "$FLEXFS_TMP/data" "$FLEXFS_TMP/mnt" -o readonly
check "status without mounts says so" grep -q "has no flexfs mounts" <("$FLEXFS" mount status)
check "an unknown flag exits with 2" code 2 "$FLEXFS" bench "$FLEXFS_TMP" --sized 4
check_fails "an unknown flag is refused with the nearest one" "--sized; did you mean --size" \
    "$FLEXFS" bench "$FLEXFS_TMP" --sized 4
check "a missing folder exits with 1, not with 2" \
    code 1 "$FLEXFS" bench "$FLEXFS_TMP/none"

# --- names ---

ln -s "$FLEXFS" "$FLEXFS_TMP/bench.flexfs"
check "a link named ROLE.flexfs runs that role" \
    grep -q '^usage: bench.flexfs \[DIR\]' <("$FLEXFS_TMP/bench.flexfs" --help)

bin=$FLEXFS_TMP/prefix/bin sbin=$FLEXFS_TMP/prefix/sbin
check "install creates all links and files" "$FLEXFS" install --prefix "$bin" --sbin "$sbin"
check "install can be run again" "$FLEXFS" install --prefix "$bin" --sbin "$sbin"
check "the installed binary runs" grep -q '^flexfs ' <("$bin/bench.flexfs" version)
mkdir "$FLEXFS_TMP/taken" && echo "somebody's" >"$FLEXFS_TMP/taken/mount.flexfs"
check "a failed install lists the steps that are done" eval '
    ! "$FLEXFS" install --prefix "$bin.2" --sbin "$FLEXFS_TMP/taken" >"$FLEXFS_TMP/told" 2>&1 &&
        cat "$FLEXFS_TMP/told" && grep -qF "$bin.2/flexfs copied from" "$FLEXFS_TMP/told" &&
        grep -qF "taken/mount.flexfs exists and is not ours" "$FLEXFS_TMP/told"'
check "an installed binary can install" "$bin/flexfs" install --prefix "$bin" --sbin "$sbin"

check "more memory than the machine has exits with 2" \
    code 2 "$FLEXFS" mount "$FLEXFS_TMP/data" "$FLEXFS_TMP/mnt" --memCapacity 1000T
check_fails "the message names the memory of the machine" \
    "memCapacity .* is more than the .* this machine has" \
    "$FLEXFS" mount "$FLEXFS_TMP/data" "$FLEXFS_TMP/mnt" --memCapacity 1000T

data=$FLEXFS_TMP/data mnt=$FLEXFS_TMP/mnt
check "an incomplete command of mount exits with 2" code 2 "$FLEXFS" mount init "$data" "$mnt"
check "half a command of mount exits with 2" code 2 "$FLEXFS" mount init
check_fails "half a command of mount prints what may follow" "fstab VOLUME DIR  add a line" \
    "$FLEXFS" mount init
check "a user for root without --rootSquash exits with 2" \
    code 2 "$FLEXFS" mount "$data" "$mnt" --rootSquashUID 1000
check_fails "the message lists the possible commands" \
    "unknown command 'init word'; use one of init fstab, init creds" "$FLEXFS" mount init word
check_fails "flags that exclude each other are refused" "--noATime and --strictATime exclude" \
    "$FLEXFS" mount "$data" "$mnt" --strictATime --noATime
check "a flag that contradicts an option of -o exits with 2" \
    code 2 "$FLEXFS" mount "$data" "$mnt" --ro -o rw
check_fails "the message names the flag and the option" "--ro contradicts 'rw' in -o" \
    "$FLEXFS" mount "$data" "$mnt" -o noATime,rw --ro
check "a log file in a missing folder exits with 2" \
    code 2 "$FLEXFS" mount "$data" "$mnt" --logFile "$FLEXFS_TMP/none/log"
check_fails "the message names the missing folder" "the folder $FLEXFS_TMP/none does not exist" \
    "$FLEXFS" mount "$data" "$mnt" --logFile "$FLEXFS_TMP/none/log"
check "the missing folder is not created" test ! -e "$FLEXFS_TMP/none"

# --- exit codes of mount(8) ---

helper=$FLEXFS_TMP/mount.flexfs
ln -s "$FLEXFS" "$helper"
check "called by mount(8), bad usage exits with 1" code 1 "$helper" "$data" "$mnt" -o noATim
check "called by mount(8), bad usage of a remount exits with 1" \
    code 1 "$helper" "$data" "$mnt" -o remount,odd
check "called by mount(8), a failed mount exits with 32" code 32 "$helper" "$data" "$mnt" -o rw
check "called by mount(8), a failed remount exits with 32" \
    code 32 "$helper" "$data" "$mnt" -o remount,ro
check "called by hand, bad usage of mount.flexfs exits with 2" code 2 "$helper" "$data" "$mnt" --odd
check "called by hand, a failed mount exits with 1" code 1 "$helper" "$data" "$mnt"
mkdir -m 700 "$FLEXFS_TMP/closed" && chmod 711 "$FLEXFS_TMP"
check "called by mount(8), a refused permission exits with 1" code 1 \
    setpriv --reuid 65534 --regid 65534 --clear-groups env FLEXFS_HOME=/nonexistent/home \
    HOME=/nonexistent "$helper" "$FLEXFS_TMP/closed/data" "$FLEXFS_TMP/closed" -o rw

# --- fstab ---

fstab=$FLEXFS_TMP/fstab
echo "# a comment" >"$fstab"
flexfs_fstab() { "$FLEXFS" mount "$1" fstab "$data" "$mnt" --fstab "$fstab" "${@:2}"; }
check "init fstab adds a line" flexfs_fstab init --mountOptions ro,noATime
check "the line of fstab works with mount(8)" \
    grep -qxF "$data $mnt flexfs nofail,ro,noATime 0 0" "$fstab"
check "init fstab creates the folder" test -d "$mnt"
check_fails "init fstab refuses a second line for a folder" \
    "line 2 mounts .*--force" flexfs_fstab init
check_fails "init fstab refuses a second line for a volume" \
    "line 2 mounts $data on $mnt already, and a volume can be mounted only once" \
    "$FLEXFS" mount init fstab "$data" "$FLEXFS_TMP/second" --fstab "$fstab"
check_fails "the advice names the fstab" "deinit fstab $data $mnt --fstab $fstab" \
    "$FLEXFS" mount init fstab "$data" "$FLEXFS_TMP/second" --fstab "$fstab"
check "no mount point is created for a refused line" test ! -e "$FLEXFS_TMP/second"
check_fails "init fstab refuses an unknown mount option" "did you mean 'noATime'" \
    flexfs_fstab init --force --mountOptions noAtim
# refused_line PATTERN VOLUME DIR OPTIONS: is refused, and the existing line stays.
refused_line() {
    local before said
    before=$(cat "$fstab")
    said=$("$FLEXFS" mount init fstab "$2" "$3" --fstab "$fstab" --force --mountOptions "$4" 2>&1)
    echo "exit code $?: $said"
    [[ $said =~ $1 && $(cat "$fstab") == "$before" ]]
}
mkdir "$FLEXFS_TMP/made"
printf '%s\n' 'format: 1' 'id: 01234567-89ab-4cde-8f01-23456789abcd' 'block_size: 4MiB' \
    >"$FLEXFS_TMP/made/volume.yaml"
check "init fstab refuses a property that differs from the volume's" \
    refused_line "--blockSize .* was made with" "$FLEXFS_TMP/made" "$mnt" blockSize=1M
check "init fstab refuses a mount point inside the volume" \
    refused_line "mnt is inside .*data" "$data" "$data/mnt" ro
check "init fstab refuses a file as mount point" \
    refused_line "mount.flexfs is not a folder" "$data" "$FLEXFS_TMP/taken/mount.flexfs" ro
check "init fstab refuses a mount point that holds files" \
    refused_line "taken holds files.*nonEmpty" "$data" "$FLEXFS_TMP/taken" ro
check "init fstab refuses a volume that does not outlive the mount" \
    refused_line "does not outlive" memory: "$mnt" ro
check "init fstab refuses a log file in a missing folder" \
    refused_line "none does not exist" "$data" "$mnt" "logFile=$FLEXFS_TMP/none/log"
check "init fstab refuses options that contradict each other" \
    refused_line "dirtyCapacity .* is more than" "$data" "$mnt" memCapacity=64M,dirtyCapacity=128M
takes_absent() {
    "$FLEXFS" mount init fstab "$FLEXFS_TMP/nas/a/data" "$mnt" --fstab "$fstab.absent" \
        --mountOptions "dbFolder=$FLEXFS_TMP/nas/a/db"
}
check "init fstab accepts a volume whose disk is not mounted now" takes_absent
check "deinit fstab --force without --now exits with 2" code 2 flexfs_fstab deinit --force
tells_busy() {
    mount --bind "$fstab" "$fstab"
    flexfs_fstab deinit
    local status=$?
    umount "$fstab"
    return $status
}
check_fails "an fstab that is a mount point is refused with the reason" \
    "fstab cannot be replaced, because it is a mount point itself" tells_busy
check "deinit fstab removes the line" flexfs_fstab deinit
tells_helper() {
    local told
    told=$(flexfs_fstab init 2>&1) && flexfs_fstab deinit || return
    [[ -x /sbin/mount.flexfs || $told == *"flexfs install"* ]]
}
check "init fstab warns if mount(8) cannot find mount.flexfs" tells_helper
check "deinit fstab keeps the other lines" diff "$fstab" <(echo "# a comment")
check_fails "deinit fstab fails if there is no line" "no line mounts" flexfs_fstab deinit

# --- bench ---

measured=$FLEXFS_TMP/measured
mkdir "$measured"
little=(--size 8M --files 50 --threads 2)

check "bench measures a folder" "$FLEXFS" bench "$measured" "${little[@]}"
check "bench without anything to measure exits with 2" \
    code 2 "$FLEXFS" bench "$measured" --size 0 --files 0
check "bench leaves nothing behind" rmdir "$measured"
mkdir "$measured"

tells_rates() {
    "$FLEXFS" bench "$measured" "${little[@]}" --repeat 3 --json | python3 -c '
import json, sys
rows = json.load(sys.stdin)
assert {row["threads"] for row in rows} == {1, 2}, rows
assert {"large write", "create", "stat", "list"} <= {row["phase"] for row in rows}, rows
assert all(row["ops_per_s"] > 0 and row["seconds"] > 0 for row in rows), rows'
}
check "bench prints rates as JSON, one row for each phase and number of threads" tells_rates

# Interrupts a run: the exit code is 130, and the folder is empty again.
interrupted() {
    local pid status=0
    "$FLEXFS" bench "$measured" --size 64M --files 1000000 2>/dev/null &
    pid=$!
    wait_until 30 compgen -G "$measured/flexfs-bench-*/0/*" >/dev/null || return
    kill -TERM $pid
    wait $pid || status=$?
    echo "exit code $status"
    ((status == 143)) && rmdir "$measured"
}
check "an interrupted bench cleans up" interrupted
