#!/bin/bash
# A mount that is stopped stores its data as soon as there is room, unless it is told to stop again;
# then it ends within seconds, and reports what was lost.
. "$(dirname "$0")/../lib.sh"

data=$FLEXFS_TMP/data
mnt=$FLEXFS_TMP/mnt
small=$FLEXFS_TMP/small  # a filesystem with little room
log=$FLEXFS_TMP/stop.log
late=$FLEXFS_TMP/late
said=$FLEXFS_TMP/said
head -c 3000000 /dev/urandom >"$late"

is_waiting() { grep -Eq "cannot write back .* yet" "$log"; }
# mount_with_unsent NAME: mounts with a full store, a file that was synced and one that is not
# stored.
mount_with_unsent() {
    : >"$log"
    start_mount "$small/data" "$mnt" --dbFolder "$FLEXFS_TMP/db" --logFile "$log" || return
    [[ -e $mnt/synced ]] || dd if="$late" of="$mnt/synced" conv=fsync status=none || return
    cat /dev/zero >"$small/filler" 2>/dev/null
    cp "$late" "$mnt/$1"
}
is_whole() {
    start_mount "$small/data" "$mnt" --dbFolder "$FLEXFS_TMP/db" && cmp "$late" "$mnt/synced"
}

# --- a full disk is waited for ---
mkdir -p "$small" && mount -t tmpfs -o size=32m none "$small"
check "a file is written that its store has no room for" mount_with_unsent late1
pid=$(mount_pid "$mnt")
"$FLEXFS" mount stop "$mnt" >"$said" 2>&1 &
stopping=$!
check "the mount waits for room to store it" wait_until 30 is_waiting
check "and so does who stops it" kill -0 $stopping
tells_trouble() {
    "$FLEXFS" mount status "$mnt" --json | python3 -c '
import errno, json, sys
status = json.load(sys.stdin)
trouble = status["dirty"]["trouble"]
assert status["state"] == "stopping", status["state"]
assert trouble["errno"] == errno.ENOSPC and trouble["for_s"] >= 0, trouble
assert "No space" in trouble["message"] and status["dirty"]["files"] == 1, status["dirty"]'
}
check "status says meanwhile that nothing can be written back, and why" tells_trouble
check "in a sentence for people, too" eval '
    "$FLEXFS" mount status | grep -E "^$mnt: cannot write back .* in 1 file .*No space.*; retrying"'
check "and so does the command that waits" wait_until 20 grep -q "stored: cannot write back" "$said"
rm "$small/filler"
wait $stopping
check "with room it is stored, and the mount ends" [ $? = 0 ]
check "its process, too" wait_until 10 is_gone "$mnt" "$pid"
check "what was synced is there" is_whole
check "and what was not" cmp "$late" "$mnt/late1"
stop_mount "$mnt"

# --- a second request to stop ---
check "a file is written that its store has no room for, once more" mount_with_unsent late2
pid=$(mount_pid "$mnt")
kill -TERM "$pid"
check "SIGTERM waits for room, too" wait_until 30 is_waiting
kill -TERM "$pid"
check "a second SIGTERM ends it within seconds" wait_until 10 is_gone "$mnt" "$pid"
check "the log says what was discarded" grep -Eq "MiB in 1 file on $mnt were discarded" "$log"
rm "$small/filler"
check "what was synced is there all the same" is_whole
check "and nothing of the rest" eval '! cmp -s "$late" "$mnt/late2"'
stop_mount "$mnt"

: >"$log"
"$FLEXFS" mount "$small/data" "$mnt" --dbFolder "$FLEXFS_TMP/db" --foreground 2>"$log" &
pid=$!
wait_until 20 grep -q "is mounted on" "$log"
cat /dev/zero >"$small/filler" 2>/dev/null
cp "$late" "$mnt/late3"
"$FLEXFS" mount stop "$mnt" >"$said" 2>&1 &
stopping=$!
check "a mount in the foreground waits for room" wait_until 30 is_waiting
kill -TERM "$pid"
wait "$pid"
check "told to give up, it fails" [ $? = 1 ]
wait $stopping
check "and so does who stops it" [ $? = 1 ]
check "with what was lost" grep -q "not everything is stored: .*MiB in 1 file " "$said"
rm "$small/filler"

check "a file is written without room, while another one is open" mount_with_unsent late4
(exec 9>"$mnt/held" && sleep 600) &
holder=$!
wait_until 10 test -e "$mnt/held"
"$FLEXFS" mount stop --force "$mnt" >"$said" 2>&1 &
stopping=$!
check "stop --force waits for room, too" wait_until 30 is_waiting
sleep 5  # longer than a process that is stopped twice has
check "for as long as it takes" kill -0 $stopping
rm "$small/filler"
wait $stopping
check "and succeeds" [ $? = 0 ]
check "what was synced is there then" is_whole
check "and what was not, too" cmp "$late" "$mnt/late4"
stop_mount "$mnt"
kill $holder 2>/dev/null
umount "$small"

# --- open files ---
start_mount "$data" "$mnt"
pid=$(mount_pid "$mnt")
(exec 9>"$mnt/held" && cat "$late" >&9 && sleep 600) &
wait_until 10 cmp -s "$late" "$mnt/held"
check_fails "a mount in use is not stopped" "in use: .*--force cuts such programs off" \
    "$FLEXFS" mount stop "$mnt"
check "with --force it is, at once" eval 'timeout 5 "$FLEXFS" mount stop --force "$mnt" 2>"$said"'
check "and its process is gone" wait_until 10 is_gone "$mnt" "$pid"
check "it says what that does" grep -q "in use; cutting off .*may be lost" "$said"
start_mount "$data" "$mnt"
check "what was written is stored" cmp "$late" "$mnt/held"
(exec 9>"$mnt/held" && sleep 600) &
wait_until 10 test ! -s "$mnt/held"
umount -l "$mnt"
check "--force ends a mount that was unmounted lazily, too" \
    timeout 5 "$FLEXFS" mount stop --force "$mnt"
start_mount "$data" "$mnt"
check "--force says nothing where nothing is in use" eval '
    [[ -z $("$FLEXFS" mount stop --force "$mnt" 2>&1) ]]'
for _ in {1..5}; do
    start_mount "$data" "$mnt"
    (exec 9>"$mnt/held" && sleep 600) &
    wait_until 10 test -e "$mnt/held"
    "$FLEXFS" mount stop --force "$mnt" 2>>"$FLEXFS_TMP/forced"
    kill $!
done 2>/dev/null
check "and only its own sentence where something is" eval '
    ! grep -v "is in use; cutting off" "$FLEXFS_TMP/forced"'

# --- mounts that depend on the mount ---
start_mount "$data" "$mnt"
mkdir -p "$mnt/inner" "$mnt/volume" "$FLEXFS_TMP/other"
mount -t tmpfs none "$mnt/inner"
check_fails "a mount that another one is in is not cut off" "$mnt/inner is mounted inside $mnt" \
    "$FLEXFS" mount stop --force "$mnt"
check "and goes on" touch "$mnt/inner/file" "$mnt/file"
umount "$mnt/inner"
start_mount "$mnt/volume" "$FLEXFS_TMP/other"
echo inner >"$FLEXFS_TMP/other/file"
check_fails "nor is one that holds the folder of another volume" \
    "mounted on $FLEXFS_TMP/other is kept inside $mnt" "$FLEXFS" mount stop --force "$mnt"
check "which goes on, too" grep -qx inner "$FLEXFS_TMP/other/file"
stop_mount "$FLEXFS_TMP/other"
check "once nothing depends on it, it is stopped" stop_mount "$mnt"

# --- another mount namespace ---
start_mount "$data" "$mnt"
pid=$(mount_pid "$mnt")
unshare --mount --propagation private sleep 600 &
holder=$!
wait_until 10 eval '[[ $(readlink /proc/$holder/ns/mnt) != $(readlink /proc/self/ns/mnt) ]]'
began=$(date +%s%N)
check_fails "stop says which process has it mounted in another namespace" \
    "process $holder \(sleep\) still has it mounted on $mnt.*nsenter.*--force" \
    "$FLEXFS" mount stop "$mnt"
check "at once" eval '(($(date +%s%N) - began < 4000000000))'
check "the mount goes on there" nsenter --target "$holder" --mount touch "$mnt/elsewhere"
check_fails "a second stop says the same" "process $holder " "$FLEXFS" mount stop "$mnt"
check "--force cuts it off there, too" timeout 20 "$FLEXFS" mount stop --force "$mnt"
check "and the process of the mount ends" wait_until 10 is_gone "$mnt" "$pid"
kill $holder
start_mount "$data" "$mnt"
check "with everything stored" test -e "$mnt/elsewhere"
stop_mount "$mnt"

# --- a store that does not answer ---
start_mount "file://$data?latency=600s" "$mnt" --logFile "$log"
cp "$late" "$mnt/file"
pid=$(mount_pid "$mnt")
kill -TERM "$pid"
wait_until 10 eval '! is_mounted "$mnt"'
check "a store that does not answer is waited for" kill -0 "$pid"
kill -TERM "$pid"
check "a second SIGTERM ends that, too" wait_until 10 is_gone "$mnt" "$pid"

# --- unsent data that a refused change should remove ---
refused_hole() {
    python3 - "$mnt" <<'END_OF_PYTHON'
import ctypes, errno, fcntl, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
for number, stored in enumerate([0, 4000, 300000]):
    fd = os.open(f"{sys.argv[1]}/{number}", os.O_RDWR | os.O_CREAT)
    os.pwrite(fd, b"s" * stored, 0)
    os.fsync(fd)
    os.pwrite(fd, b"u" * 20000, stored)
    fcntl.ioctl(fd, 0x40086602, struct.pack("l", 0x20))  # FS_IOC_SETFLAGS, append-only
    punch = libc.fallocate(fd, 3, ctypes.c_long(100), ctypes.c_long(stored + 10000))
    assert punch == -1 and ctypes.get_errno() == errno.EPERM, (punch, ctypes.get_errno())
    os.close(fd)
END_OF_PYTHON
}
is_stored() {
    local number=0 stored
    for stored in 0 4000 300000; do
        python3 -c '
import sys
name, stored = sys.argv[1], int(sys.argv[2])
assert open(name, "rb").read() == b"s" * stored + b"u" * 20000, name
' "$mnt/$number" $stored || return
        number=$((number + 1))
    done
}
start_mount "$data" "$mnt"
check "a hole in an append-only file is refused over unsent data" refused_hole
check "the mount ends at once" timeout 20 "$FLEXFS" mount stop "$mnt"
start_mount "$data" "$mnt"
check "with all of it stored" is_stored
