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
check "a file can be written that does not fit in its store" mount_with_unsent late1
pid=$(mount_pid "$mnt")
"$FLEXFS" mount stop "$mnt" >"$said" 2>&1 &
stopping=$!
check "stop waits for space to store the file" wait_until 30 is_waiting
check "the command that stops the mount waits, too" kill -0 $stopping
tells_trouble() {
    "$FLEXFS" mount status "$mnt" --json | python3 -c '
import errno, json, sys
status = json.load(sys.stdin)
trouble = status["dirty"]["trouble"]
assert status["state"] == "stopping", status["state"]
assert trouble["errno"] == errno.ENOSPC and trouble["for_s"] >= 0, trouble
assert "No space" in trouble["message"] and status["dirty"]["files"] == 1, status["dirty"]'
}
check "status --json reports meanwhile that data cannot be written back, and why" tells_trouble
check "status reports it in a sentence" eval '
    "$FLEXFS" mount status | grep -E "^$mnt: cannot write back .* in 1 file .*No space.*; retrying"'
check "the command that waits reports it" wait_until 20 grep -q "stored: cannot write back" "$said"
rm "$small/filler"
wait $stopping
check "with free space the file is stored, and the mount ends" [ $? = 0 ]
check "the process of the mount ends, too" wait_until 10 is_gone "$mnt" "$pid"
check "synced data is readable afterwards" is_whole
check "unsynced data is readable afterwards" cmp "$late" "$mnt/late1"
stop_mount "$mnt"

# --- a second request to stop ---
check "a second file can be written that does not fit in its store" mount_with_unsent late2
pid=$(mount_pid "$mnt")
kill -TERM "$pid"
check "SIGTERM waits for space to store the file" wait_until 30 is_waiting
kill -TERM "$pid"
check "a second SIGTERM ends the mount within seconds" wait_until 10 is_gone "$mnt" "$pid"
check "the log reports the discarded data" grep -Eq "MiB in 1 file on $mnt were discarded" "$log"
rm "$small/filler"
check "synced data is readable after a second SIGTERM" is_whole
check "the discarded data is gone" eval '! cmp -s "$late" "$mnt/late2"'
stop_mount "$mnt"

: >"$log"
"$FLEXFS" mount "$small/data" "$mnt" --dbFolder "$FLEXFS_TMP/db" --foreground 2>"$log" &
pid=$!
wait_until 20 grep -q "is mounted on" "$log"
cat /dev/zero >"$small/filler" 2>/dev/null
cp "$late" "$mnt/late3"
"$FLEXFS" mount stop "$mnt" >"$said" 2>&1 &
stopping=$!
check "a mount in the foreground waits for space" wait_until 30 is_waiting
kill -TERM "$pid"
wait "$pid"
check "a mount in the foreground fails after a second SIGTERM" [ $? = 1 ]
wait $stopping
check "the command that stops the mount fails, too" [ $? = 1 ]
check "the command reports the discarded data" \
    grep -q "not everything is stored: .*MiB in 1 file " "$said"
rm "$small/filler"

check "a file can be written that does not fit, while another one is open" mount_with_unsent late4
(exec 9>"$mnt/held" && sleep 600) &
holder=$!
wait_until 10 test -e "$mnt/held"
"$FLEXFS" mount stop --force "$mnt" >"$said" 2>&1 &
stopping=$!
check "stop --force waits for space to store the file" wait_until 30 is_waiting
sleep 5  # longer than a process that is stopped twice has
check "stop --force waits without a time limit" kill -0 $stopping
rm "$small/filler"
wait $stopping
check "stop --force succeeds when the file is stored" [ $? = 0 ]
check "synced data is readable after stop --force" is_whole
check "unsynced data is readable after stop --force" cmp "$late" "$mnt/late4"
stop_mount "$mnt"
kill $holder 2>/dev/null
umount "$small"

# --- open files ---
start_mount "$data" "$mnt"
pid=$(mount_pid "$mnt")
(exec 9>"$mnt/held" && cat "$late" >&9 && sleep 600) &
wait_until 10 cmp -s "$late" "$mnt/held"
check_fails "stop refuses a mount in use, and names the programs that use it" \
    "in use: process(es)? .*\(sleep\).* ha(s|ve) files open in it,.*--force cuts such programs" \
    "$FLEXFS" mount stop "$mnt"
check "stop --force ends a mount in use at once" \
    eval 'timeout 5 "$FLEXFS" mount stop --force "$mnt" 2>"$said"'
check "the process of the forced mount ends" wait_until 10 is_gone "$mnt" "$pid"
check "stop --force reports its consequences" grep -q "in use; cutting off .*may be lost" "$said"
start_mount "$data" "$mnt"
check "data written before stop --force is stored" cmp "$late" "$mnt/held"
(exec 9>"$mnt/held" && sleep 600) &
wait_until 10 test ! -s "$mnt/held"
umount -l "$mnt"
check "stop --force ends a mount that was unmounted lazily" \
    timeout 5 "$FLEXFS" mount stop --force "$mnt"
start_mount "$data" "$mnt"
check "stop --force prints nothing if the mount is not in use" eval '
    [[ -z $("$FLEXFS" mount stop --force "$mnt" 2>&1) ]]'
for _ in {1..5}; do
    start_mount "$data" "$mnt"
    (exec 9>"$mnt/held" && sleep 600) &
    wait_until 10 test -e "$mnt/held"
    "$FLEXFS" mount stop --force "$mnt" 2>>"$FLEXFS_TMP/forced"
    kill $!
done 2>/dev/null
check "stop --force prints only its own sentence if the mount is in use" eval '
    ! grep -v "is in use; cutting off" "$FLEXFS_TMP/forced"'

# --- mounts that depend on the mount ---
start_mount "$data" "$mnt"
mkdir -p "$mnt/inner" "$mnt/volume" "$FLEXFS_TMP/other"
mount -t tmpfs none "$mnt/inner"
check_fails "stop --force refuses while something is mounted inside the mount" \
    "$mnt/inner is mounted inside $mnt" \
    "$FLEXFS" mount stop --force "$mnt"
check "a refused mount keeps working" touch "$mnt/inner/file" "$mnt/file"
umount "$mnt/inner"
start_mount "$mnt/volume" "$FLEXFS_TMP/other"
echo inner >"$FLEXFS_TMP/other/file"
check_fails "stop --force refuses a mount that holds the folder of another volume" \
    "mounted on $FLEXFS_TMP/other is kept inside $mnt" "$FLEXFS" mount stop --force "$mnt"
check "the other volume keeps working" grep -qx inner "$FLEXFS_TMP/other/file"
stop_mount "$FLEXFS_TMP/other"
check "a mount on which nothing depends can be stopped" stop_mount "$mnt"

# --- another mount namespace ---
start_mount "$data" "$mnt"
pid=$(mount_pid "$mnt")
unshare --mount --propagation private sleep 600 &
holder=$!
wait_until 10 eval '[[ $(readlink /proc/$holder/ns/mnt) != $(readlink /proc/self/ns/mnt) ]]'
began=$(date +%s%N)
check_fails "stop names the process that has it mounted in another namespace" \
    "process $holder \(sleep\) still has it mounted on $mnt.*nsenter.*--force" \
    "$FLEXFS" mount stop "$mnt"
check "stop names that process within seconds" eval '(($(date +%s%N) - began < 4000000000))'
check "the mount keeps working in the other namespace" \
    nsenter --target "$holder" --mount touch "$mnt/elsewhere"
check_fails "a second stop names the same process" "process $holder " "$FLEXFS" mount stop "$mnt"
check "stop --force ends the mount in the other namespace, too" \
    timeout 20 "$FLEXFS" mount stop --force "$mnt"
check "the process of that mount ends" wait_until 10 is_gone "$mnt" "$pid"
kill $holder
start_mount "$data" "$mnt"
check "all data of that mount is stored" test -e "$mnt/elsewhere"
stop_mount "$mnt"

# --- a store that does not answer ---
start_mount "file://$data?latency=600s" "$mnt" --logFile "$log"
cp "$late" "$mnt/file"
pid=$(mount_pid "$mnt")
kill -TERM "$pid"
wait_until 10 eval '! is_mounted "$mnt"'
check "SIGTERM waits for a store that does not answer" kill -0 "$pid"
kill -TERM "$pid"
check "a second SIGTERM ends a mount whose store does not answer" \
    wait_until 10 is_gone "$mnt" "$pid"

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
check "punching a hole in an append-only file is refused over unsent data" refused_hole
check "a mount with a refused change ends at once" timeout 20 "$FLEXFS" mount stop "$mnt"
start_mount "$data" "$mnt"
check "the data is stored despite the refused change" is_stored
