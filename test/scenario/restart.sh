#!/bin/bash
# A mount's process is replaced while programs use it: nothing that is open is lost or changes.
# builds: release sanitize
# limit: 600
. "$(dirname "$0")/../lib.sh"

data=$FLEXFS_TMP/data
mnt=$FLEXFS_TMP/mnt
log=$FLEXFS_TMP/mount.log
own=$FLEXFS_TMP/flexfs  # the program of the mount, which is replaced by others
load=$FLEXFS_SOURCE/test/load/open-files
: "${ROUNDS:=10}" "${SEED:=$RANDOM}"
echo "SEED=$SEED"

restart() { "$FLEXFS" mount restart "$mnt"; }
restarts() { mount_status "$mnt" restarts; }
# upgrade FILE: replaces the program as an installation does, by a new file under the old name.
upgrade() { cp "$1" "$own.new" && chmod +x "$own.new" && mv "$own.new" "$own"; }
# write_program LINE…: puts a shell script in the place of the program.
write_program() {
    printf '%s\n' '#!/bin/bash' "$@" >"$FLEXFS_TMP/script" && upgrade "$FLEXFS_TMP/script"
}
# shellcheck disable=SC2120  # through check
mount_own() { FLEXFS=$own start_mount "$data" "$mnt" --logFile "$log" "$@"; }
is_as_before() { [[ $(mount_pid "$mnt") == "$pid" && $(restarts) == "$1" ]]; }
# inodes: prints how many are in use.
inodes() { df --output=iused "$mnt" | tail -1; }
stored_bytes() { du -sb --exclude=meta "$data" | cut -f1; }

upgrade "$FLEXFS"
check_fails "restart fails where nothing is mounted" "nothing is mounted" \
    "$FLEXFS" mount restart "$FLEXFS_TMP"
check "a volume can be mounted" mount_own --memCapacity 64M --noATime
pid=$(mount_pid "$mnt")
before=$(inodes)

# --- under load ---
"$load" "$mnt/work" "$ROUNDS" "$SEED" "$FLEXFS" mount restart "$mnt" || failures=$((failures + 1))
check "restarts keep the process id and replace the image each time" is_as_before "$ROUNDS"
check "the mount point stays mounted" eval '(($(grep -c " $mnt fuse" /proc/self/mounts) == 1))'
has_options() {
    tr '\0' ' ' <"/proc/$pid/cmdline" | tee "$FLEXFS_TMP/said" &&
        grep -q -- "--noATime" "$FLEXFS_TMP/said" &&
        [[ $(mount_status "$mnt" memory.budget) == $((64 << 20)) ]]
}
check "the options of the mount are the same after restarts" has_options
keeps_few_descriptors() {
    ls -l "/proc/$pid/fd" && (($(find "/proc/$pid/fd" -lname '*memfd*' | wc -l) == 0)) &&
        (($(find "/proc/$pid/fd" -lname "*$own*" | wc -l) == 0)) &&
        (($(find "/proc/$pid/fd" -lname '*/dev/fuse' | wc -l) == 1))
}
check "no descriptor of earlier images stays open" keeps_few_descriptors
cp -a "$mnt/work" "$FLEXFS_TMP/copy"
check "data written across restarts is readable after a remount" eval '
    remount "$data" "$mnt" && same_tree "$FLEXFS_TMP/copy" "$mnt/work"'
rm -rf "$mnt/work"
check "files unlinked across restarts are freed" wait_until 30 eval '(($(inodes) == before))'
stop_mount "$mnt"

# --- space ---
mount_own
pid=$(mount_pid "$mnt")
before=$(inodes)
exec 5<>"$mnt/held"
head -c 40M /dev/urandom >"$FLEXFS_TMP/random"
cat "$FLEXFS_TMP/random" >&5
rm "$mnt/held"
check "a mount with a large unlinked open file restarts" restart
check "the unlinked file is readable after the restart" cmp "$FLEXFS_TMP/random" /proc/self/fd/5
check "the unlinked file is stored meanwhile" eval '(($(stored_bytes) > 40000000))'
exec 5>&-
# Except a segment that holds other data too, until it is repacked.
check "the space of the unlinked file is freed when it is closed" \
    wait_until 60 eval '(($(stored_bytes) < 20000000))'
check "the inode of the unlinked file is freed when it is closed" eval '(($(inodes) == before))'

# --- upgrades ---
exec 6<>"$mnt/kept"
echo "written before" >&6
upgrade "$FLEXFS"
check "restart starts another file that has replaced the program" restart
check "the new program serves the mount" eval '[[ $(readlink "/proc/$pid/exe") == "$own" ]]'
check "open files stay open under the new program" grep -qx "written before" "$mnt/kept"

# --- refused restarts: the old process continues ---
count=$(restarts)
# refused NAME PATTERN: the restart is refused, and everything works as before.
refused() {
    check_fails "$1 is refused" "continues as it was.*($2)" restart
    check "the mount keeps working ($1)" eval 'is_as_before "$count" && echo more >&6'
}
write_program 'exit 3'
refused "a program that fails" "code 3"
write_program 'exit 0'
refused "a program that is not flexfs" "not a flexfs that can take over"
write_program 'echo "flexfs: unknown flag --checkTakeover" >&2; exit 2'
refused "a flexfs that is too old" "unknown flag --checkTakeover"
write_program 'kill -SEGV $$'
refused "a program that dies" "Segmentation"
head -c 100000 /dev/urandom >"$FLEXFS_TMP/junk"
upgrade "$FLEXFS_TMP/junk"
refused "a file that is not a program" "Exec format"
rm "$own"
refused "a missing program" "No such file"
upgrade "$FLEXFS" && cp "$own" "$mnt/inside" && ln -sf "$mnt/inside" "$own"
refused "a program inside the mount" "inside the mount itself"
rm "$own" "$mnt/inside" && upgrade "$FLEXFS"
mv "$data/volume.yaml" "$FLEXFS_TMP/volume.yaml"
sed 's/^id:.*/id: 00000000-0000-4000-8000-000000000000/' "$FLEXFS_TMP/volume.yaml" \
    >"$data/volume.yaml"
refused "a volume that was replaced by another" "another volume"
mv "$FLEXFS_TMP/volume.yaml" "$data/volume.yaml"

# A program promises to take over and then fails: the previous image is called back.
# shellcheck disable=SC2016  # for the script to expand
write_program '[[ $* != *--handover=* ]] || set -- "$@" --dbFolder=/nonexistent' \
    "exec '$FLEXFS' \"\$@\""
check_fails "a program that cannot continue gives the mount back" \
    "continues as it was.*database" restart
check "the previous program serves the mount again" \
    eval 'is_as_before $((count + 1)) && echo more >&6'
upgrade "$FLEXFS"
check "a working program restarts the mount after the failures" restart
check "nothing written during the failures is lost" eval '(($(grep -c more "$mnt/kept") == 9))'
exec 6>&-
stop_mount "$mnt"

# --- a disk that is full ---
small=$FLEXFS_TMP/small
mkdir "$small" && mount -t tmpfs -o size=60m none "$small"
start_mount "$small/data" "$mnt" --logFile "$log"
head -c 3000000 /dev/urandom >"$FLEXFS_TMP/random"
head -c 100M /dev/zero >"$small/filler" 2>/dev/null
exec 7>"$mnt/dirty"
cat "$FLEXFS_TMP/random" >&7
check_fails "data that cannot be stored prevents a restart" \
    "cannot be written back.*No space" restart
check "the unstored data is still readable" cmp "$FLEXFS_TMP/random" "$mnt/dirty"
rm "$small/filler"
check "the mount restarts once the data can be stored" restart
check "all data is readable after that restart" cmp "$FLEXFS_TMP/random" "$mnt/dirty"
exec 7>&-
stop_mount "$mnt"
umount "$small"

# --- other mounts, signals, crashes ---
start_mount "$data" "$mnt" --ro
check "a read-only mount restarts" restart
check "a read-only mount is still read-only after a restart" \
    eval 'grep -q "written before" "$mnt/kept" && ! touch "$mnt/x" 2>&1'
stop_mount "$mnt"

"$FLEXFS" mount "$data" "$mnt" --foreground >"$FLEXFS_TMP/said" 2>&1 &
pid=$!
wait_until 20 eval '[[ $(mount_pid "$mnt") == "$pid" ]]'
check "a mount in the foreground restarts and stays there" eval 'restart && kill -0 "$pid"'
kill -TERM "$pid"
wait "$pid"
check "a restarted mount in the foreground exits with 0 on SIGTERM" [ $? = 0 ]

milliseconds() { sleep "$(printf '0.%03d' "$1")"; }
RANDOM=$SEED
# interrupted SIGNAL: five times, sends it at a random moment of a restart, and checks synced data.
interrupted() {
    local number pid
    for number in {1..5}; do
        start_mount "$data" "$mnt" --logFile "$log" || return
        pid=$(mount_pid "$mnt")
        dd if="$FLEXFS_TMP/random" of="$mnt/$1.$number" conv=fsync status=none || return
        restart >/dev/null 2>&1 &
        milliseconds $((RANDOM % 150))
        kill "-$1" "$pid"
        wait $!
        wait_until 30 eval "! kill -0 $pid 2>/dev/null" || { echo "it does not end"; return 1; }
        start_mount "$data" "$mnt" --logFile "$log" || return
        cmp "$FLEXFS_TMP/random" "$mnt/$1.$number" || return
        stop_mount "$mnt" || return
    done
}
check "SIGTERM during a restart stops the mount" interrupted TERM
check "a kill during a restart loses no synced data" interrupted KILL
