#!/bin/bash
# The mount's life as a process: start, readiness, status, signals, stop, mount(8), faults.
# builds: release sanitize
. "$(dirname "$0")/../lib.sh"

data=$FLEXFS_TMP/data
mnt=$FLEXFS_TMP/mnt
log=$FLEXFS_TMP/mount.log
mkdir "$mnt"

answers() { [[ $(stat -f -c %T "$mnt" 2>/dev/null) == fuse* ]]; }
ends() { wait_until 30 eval "! kill -0 $1 2>/dev/null" && ! is_mounted "$mnt"; }

# --- in the background ---
check "start mounts the volume" start_mount "$data" "$mnt" --logFile "$log"
check "the mount answers as soon as start returns" answers
pid=$(mount_pid "$mnt")
check "the daemon has no parent to report to and no terminal" eval '
    [[ $(ps -o ppid= -o tty= "$pid" | xargs) == "1 ?" || $(ps -o tty= "$pid" | xargs) == "?" ]]'
check "the daemon keeps no folder in use" eval '[[ $(readlink "/proc/$pid/cwd") == / ]]'
check "the daemon logs to its file" grep -q "$mnt" "$log"
check_fails "a second mount on the mount point is refused" "process $pid|pid $pid" \
    "$FLEXFS" mount "$FLEXFS_TMP/other" "$mnt"

# --- status ---
has_keys() {
    "$FLEXFS" mount status "$mnt" --json | python3 -c '
import json, sys
status = json.load(sys.stdin)
for path in """pid store.requests.get store.requests.put store.requests.delete store.requests.list
    store.bytes.get store.bytes.put dirty.bytes dirty.files dirty.oldest_s memory.budget
    memory.used""".split():
    value = status
    for key in path.split("."): value = value[key]
    assert isinstance(value, (int, float)), path'
}
check "status has the documented keys" has_keys
check "the help of status names the keys" eval '
    "$FLEXFS" mount status --help | grep -qF "store.requests.get, .put, .delete, .list"'
check "status lists the mount" eval '"$FLEXFS" mount status | grep -qF "$mnt"'
head -c 3000000 /dev/urandom >"$FLEXFS_TMP/random"
cp "$FLEXFS_TMP/random" "$mnt/random"
check "data that is written and not synced is reported as dirty" \
    eval '(($(mount_status "$mnt" dirty.bytes) > 0))'
check "dirty data is stored within seconds without a sync" eval '
    wait_until 12 eval "((\$(mount_status \$mnt dirty.bytes) == 0))"'
check "the store has received it by then" eval '(($(mount_status "$mnt" store.requests.put) > 0))'

# --- stop and signals ---
check_fails "stop does not unmount a mount in use" "in use|busy" eval '
    cd "$mnt" && "$FLEXFS" mount stop "$mnt"'
check "stop returns when the mount is gone" "$FLEXFS" mount stop "$mnt"
check "the process of the mount ends, too" ends "$pid"
# --- a bind mount ---
start_mount "$data" "$mnt"
mkdir "$FLEXFS_TMP/bound"
mount --bind "$mnt" "$FLEXFS_TMP/bound"
for force in "" --force; do
    # shellcheck disable=SC2086  # no word if it is empty
    check_fails "stop $force names a bind mount of the mount" \
        "$mnt is also mounted on $FLEXFS_TMP/bound" "$FLEXFS" mount stop $force "$mnt"
done
umount "$FLEXFS_TMP/bound"
check "without it, the mount can be stopped" stop_mount "$mnt"

# --- without standard descriptors ---
check "a mount starts whose standard descriptors are closed" eval '
    (timeout 60 "$FLEXFS" mount "$data" "$mnt" <&- >&- 2>&-)'
check "the daemon has its own standard descriptors" eval '
    [[ $(readlink "/proc/$(mount_pid "$mnt")/fd/0") == /dev/null &&
        $(readlink "/proc/$(mount_pid "$mnt")/fd/2") == *.log ]]'
stops=()
for number in 1 2 3; do
    "$FLEXFS" mount stop "$mnt" >"$FLEXFS_TMP/stop.$number" 2>&1 &
    stops+=($!)
done
for number in 1 2 3; do
    wait "${stops[number - 1]}"
    code=$?
    check "of stops at the same time, none fails for another reason than that nothing is mounted" \
        eval '((code == 0)) || grep -q "nothing is mounted" "$FLEXFS_TMP/stop.$number"'
done
"$FLEXFS" mount --foreground "$data" "$mnt" <&- >&- 2>&- &
pid=$!
wait_until 30 is_mounted "$mnt"
echo kept >"$mnt/kept"
check "a mount in the foreground without descriptors can be stopped" "$FLEXFS" mount stop "$mnt"
wait "$pid"
check "it ends without an error" [ $? = 0 ]

for signal in TERM INT QUIT; do
    start_mount "$data" "$mnt"
    pid=$(mount_pid "$mnt")
    echo "$signal" >"$mnt/$signal"
    kill -$signal "$pid"
    check "SIG$signal ends the mount" ends "$pid"
    start_mount "$data" "$mnt"
    check "nothing is lost after SIG$signal" grep -qx "$signal" "$mnt/$signal"
    stop_mount "$mnt"
done
start_mount "$data" "$mnt"
pid=$(mount_pid "$mnt")
cp "$FLEXFS_TMP/random" "$mnt/unmounted"
umount "$mnt"
check "umount(8) ends the mount" ends "$pid"
start_mount "$data" "$mnt"
check "nothing is lost after umount(8)" cmp "$FLEXFS_TMP/random" "$mnt/unmounted"
stop_mount "$mnt"
lock=$(grep -lxF "$mnt" "$FLEXFS_HOME"/mount/run/*.lock)
check_fails "status says that nothing is mounted while the process of the mount still ends" \
    "nothing is mounted on $mnt now; process [0-9]+ is just starting or ending a mount there$" \
    timeout 30 flock "$lock" "$FLEXFS" mount status "$mnt"
start_mount "$data" "$mnt"
pid=$(mount_pid "$mnt")
kill -KILL "$pid"
wait_until 10 eval "! kill -0 $pid 2>/dev/null"
check "status lists a killed mount, with the command that cleans up" eval '
    "$FLEXFS" mount status >"$FLEXFS_TMP/said" 2>&1 && cat "$FLEXFS_TMP/said" &&
        grep -Eq "^$mnt +$data +dead" "$FLEXFS_TMP/said" &&
        grep -q "remove it with .flexfs mount stop $mnt" "$FLEXFS_TMP/said"'
is_dead() {
    "$FLEXFS" mount status --json 2>/dev/null | python3 -c '
import json, sys
[mount] = json.load(sys.stdin)
assert mount["dead"] is True and mount["mount_point"] == sys.argv[1], mount' "$mnt"
}
check "status --json lists a killed mount" is_dead
dead_in_json() {
    "$FLEXFS" mount status "$mnt" --json >"$FLEXFS_TMP/json" 2>"$FLEXFS_TMP/said"
    local status=$?
    cat "$FLEXFS_TMP/json" "$FLEXFS_TMP/said"
    python3 -c '
import json, sys
mount = json.load(open(sys.argv[1]))
assert mount["state"] == "dead" and mount["mount_point"] == sys.argv[2], mount
assert mount["volume"]["address"] == sys.argv[3], mount' "$FLEXFS_TMP/json" "$mnt" "$data" &&
        [[ $status == 1 && ! -s $FLEXFS_TMP/said ]]
}
check "status --json of a killed mount prints only JSON and exits with 1" dead_in_json
check "start cleans up a stale mount" start_mount "$data" "$mnt"
check "the mount works again after a stale one" cmp "$FLEXFS_TMP/random" "$mnt/unmounted"
stop_mount "$mnt"

second=$FLEXFS_TMP/second.mnt
mkdir "$second"
start_mount "$FLEXFS_TMP/second" "$second"
start_mount "$data" "$mnt"
pid=$(mount_pid "$mnt")
kill -STOP "$pid"
check_fails "a mount that hangs is reported" \
    "cannot ask the mount on $mnt \(process $pid\): it does not answer$" \
    timeout 30 "$FLEXFS" mount status "$mnt"
lists_second() {
    timeout 30 "$FLEXFS" mount status --json 2>/dev/null | python3 -c '
import json, sys
[mount] = json.load(sys.stdin)
assert mount["mount_point"] == sys.argv[1] and "dead" not in mount, mount' "$second"
}
check "status still shows the other mounts" lists_second
kill -CONT "$pid"
stop_mount "$mnt"
stop_mount "$second"

# --- unusual names ---
odd=$FLEXFS_TMP/$'odd\nmount \\point'
check "a mount point may have a newline in its name" start_mount "$data" "$odd"
lists_odd() {
    "$FLEXFS" mount status --json | python3 -c '
import json, sys
[mount] = json.load(sys.stdin)
assert mount["mount_point"] == sys.argv[1], mount' "$odd"
}
check "status lists a mount point with a newline" lists_odd
check "stop ends a mount with a newline in its mount point" "$FLEXFS" mount stop "$odd"
relative_home() {
    cd "$FLEXFS_TMP" && export FLEXFS_HOME=relative && start_mount "$data" "$mnt" &&
        "$FLEXFS" mount restart "$mnt" && "$FLEXFS" mount status | grep -F "$mnt" &&
        "$FLEXFS" mount stop "$mnt" && test -d relative/mount/run
}
check "FLEXFS_HOME may be relative" eval '(relative_home)'

# --- in the foreground ---
"$FLEXFS" mount "$data" "$mnt" --foreground >"$FLEXFS_TMP/said" 2>&1 &
pid=$!
check "--foreground mounts and stays in the foreground" wait_until 10 is_mounted "$mnt"
wait_until 10 answers
kill -INT $pid
wait $pid
check "a mount in the foreground exits with 0 when interrupted" [ $? = 0 ]
notified() {
    python3 - "$FLEXFS_TMP/notify" "$FLEXFS" mount "$data" "$mnt" <<'END_OF_PYTHON'
import os, signal, socket, subprocess, sys
path, *command = sys.argv[1:]
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(path)
notify.settimeout(30)
served = subprocess.Popen(command, env=os.environ | {"NOTIFY_SOCKET": path})
assert b"READY=1" in notify.recv(4096)
assert served.poll() is None, "it did not stay in the foreground"
assert os.path.ismount(command[-1]), "ready, but not mounted"
served.send_signal(signal.SIGTERM)
assert served.wait(30) == 0, served.returncode
END_OF_PYTHON
}
check "NOTIFY_SOCKET receives readiness when the volume is mounted" notified

# --- mount(8) and install ---
mount8() {
    with_mount_helper bash -c '
        mount -t flexfs "$1" "$2" -o ro,noATime && grep " $2 fuse" /proc/self/mounts &&
            cmp "$3" "$2/random" && ! touch "$2/new" 2>/dev/null && umount "$2"' - \
        "$data" "$mnt" "$FLEXFS_TMP/random" | tee "$FLEXFS_TMP/said"
    ((PIPESTATUS[0] == 0)) && grep -Eq " ro[, ]" "$FLEXFS_TMP/said" &&
        grep -q noatime "$FLEXFS_TMP/said"
}
check "mount -t flexfs -o ro,noATime works" mount8
check_fails "mount -t flexfs refuses an unknown option with the nearest one" "noATime" \
    with_mount_helper mount -t flexfs "$data" "$mnt" -o noATim
# remount8 [-i]: remounts with the helper, or with -i without it.
remount8() {
    with_mount_helper bash -c '
        how=$1 data=$2 mnt=$3
        set -e
        mount -t flexfs "$data" "$mnt" -o rw,nosuid
        trap "umount \"$mnt\"" EXIT
        echo text >"$mnt/kept"
        mount $how -o remount,ro "$mnt"
        if touch "$mnt/new" 2>/dev/null; then echo "it is not read-only"; exit 1; fi
        cat "$mnt/kept"
        mount $how -o remount,rw "$mnt"
        touch "$mnt/new"
        rm "$mnt/new"
        exec 9>"$mnt/open"
        if mount $how -o remount,ro "$mnt" 2>/dev/null; then echo "files are open"; exit 1; fi
        exec 9>&-
        mount $how -o remount,noatime "$mnt"
        grep " $mnt fuse" /proc/self/mounts | grep nosuid | grep noatime
        if [[ -z $how ]]; then  # only the helper informs the process of the mount
            touch -ad 2001-01-01 "$mnt/kept" && cat "$mnt/kept"
            [[ $(stat -c %x "$mnt/kept") == 2001* ]]
            mount -o remount,relatime "$mnt" && cat "$mnt/kept"
            [[ $(stat -c %x "$mnt/kept") != 2001* ]]
        fi
        mkdir -p "$data.bound"
        mount --bind "$mnt" "$data.bound"
        mount -o remount,bind,ro "$data.bound"
        if touch "$data.bound/new" 2>/dev/null; then echo "the bind is not read-only"; exit 1; fi
        touch "$mnt/new" && rm "$mnt/new" "$mnt/open"
        umount "$data.bound"' - "${1:-}" "$data" "$mnt" && wait_until 10 eval '! is_mounted "$mnt"'
}
check "mount -o remount changes ro, rw and noatime of a running mount" remount8
read_only8() {
    with_mount_helper bash -c '
        data=$1 mnt=$2 said=$3
        set -e
        mount -t flexfs "$data" "$mnt" -o ro
        trap "umount \"$mnt\"" EXIT
        if mount -o remount,rw "$mnt" 2>"$said"; then echo "it is not refused"; exit 1; fi
        cat "$said" && grep -q "was mounted read-only and cannot become writable" "$said"
        grep -Eq " $mnt fuse.flexfs ro[, ]" /proc/self/mounts
        mount -o remount,noatime "$mnt"' - "$data" "$mnt" "$FLEXFS_TMP/said" &&
        wait_until 10 eval '! is_mounted "$mnt"'
}
check "a mount that was started read-only refuses to become writable" read_only8
strict8() {
    with_mount_helper bash -c '
        data=$1 mnt=$2
        set -e
        mount -t flexfs "$data" "$mnt" -o strictatime,nosuid
        trap "umount \"$mnt\"" EXIT
        grep " $mnt fuse" /proc/self/mounts | grep nosuid | grep -v atime
        echo text >"$mnt/read" && touch -a "$mnt/read"
        before=$(stat -c %x "$mnt/read")
        cat "$mnt/read"
        [[ $(stat -c %x "$mnt/read") != "$before" ]]' - "$data" "$mnt" &&
        wait_until 10 eval '! is_mounted "$mnt"'
}
check "with strictatime every read counts, and the mount table does not show relatime" strict8
check "mount -i -o remount changes them without the helper" remount8 -i
# Options that cannot change are refused; mount(8) repeats all options of fstab.
refuses_fixed() {
    with_mount_helper bash -c '
        data=$1 mnt=$2 said=$3
        set -e
        mount -t flexfs "$data" "$mnt" -o memCapacity=128M,umask=022
        trap "umount \"$mnt\"" EXIT
        mount -o remount,ro,memCapacity=128M,umask=022,_netdev "$mnt" 2>"$said"
        cat "$said" && [[ ! -s $said ]]
        if mount -o remount,rw,memCapacity=64M,umask=022,rootSquash "$mnt" 2>"$said"; then
            exit 1
        fi
        cat "$said" && (($(wc -l <"$said") == 1)) &&
            grep -q "cannot change memCapacity, rootSquash of $mnt while it is mounted" "$said"
        ! touch "$mnt/new" 2>&1
        if mount -o remount,rw,blockSize=1M "$mnt" 2>"$said"; then exit 1; fi
        cat "$said" && grep -q "cannot change blockSize" "$said"
        mount -o remount,rw,blockSize=4M "$mnt"
        touch "$mnt/new" && rm "$mnt/new"' - "$data" "$mnt" "$FLEXFS_TMP/said" &&
        wait_until 10 eval '! is_mounted "$mnt"'
}
check "a remount refuses to change fixed options by name, and changes nothing" refuses_fixed
# The copy of the program is on the mount itself, which allows or forbids to run it.
runs_again() {
    with_mount_helper bash -c '
        data=$1 mnt=$2
        set -e
        mount -t flexfs "$data" "$mnt" -o noexec,nosuid
        trap "umount \"$mnt\"" EXIT
        cp /bin/true "$mnt/program"
        if "$mnt/program" 2>/dev/null; then echo "noexec has no effect"; exit 1; fi
        mount -o remount,exec "$mnt"
        "$mnt/program"
        grep " $mnt fuse" /proc/self/mounts | grep nosuid
        mount -o remount,noexec "$mnt"
        if "$mnt/program" 2>/dev/null; then echo "noexec has no effect again"; exit 1; fi
        rm "$mnt/program"' - "$data" "$mnt" && wait_until 10 eval '! is_mounted "$mnt"'
}
check "mount -o remount,exec clears noexec, and nothing else" runs_again
remount_misspelt() {
    with_mount_helper bash -c '
        mount -t flexfs "$1" "$2" || exit 0
        mount -o remount,ro,noATim "$2"
        status=$?
        touch "$2/new" && rm "$2/new" && umount "$2" || exit 0
        exit $status' - "$data" "$mnt"
}
check_fails "a remount refuses a misspelt option by name, and changes nothing" \
    "noATim'; did you mean 'noATime'" remount_misspelt
wait_until 10 eval '! is_mounted "$mnt"'
installs() {
    "$FLEXFS" install --prefix "$FLEXFS_TMP/bin.own" --sbin "$FLEXFS_TMP/sbin.own" &&
        "$FLEXFS" install --prefix "$FLEXFS_TMP/bin.own" --sbin "$FLEXFS_TMP/sbin.own" &&
        "$FLEXFS_TMP/bin.own/mount.flexfs" "$data" "$mnt" &&
        "$FLEXFS_TMP/bin.own/mount.flexfs" stop "$mnt" &&
        "$FLEXFS_TMP/sbin.own/mount.flexfs" "$data" "$mnt" -o rw && umount "$mnt"
}
check "install creates working names, also the second time" installs
wait_until 10 eval '! is_mounted "$mnt"'

# --- a store that misbehaves ---
faults="file://$data?latency=20ms&errors=0.05&truncate=0.05&seed=${SEED:-1}"
check "a store with faults can be mounted" start_mount "$faults" "$mnt" --memCapacity 64M
mkdir "$FLEXFS_TMP/many" && head -c 40000000 /dev/urandom | split -b 1000000 - "$FLEXFS_TMP/many/"
check "a tree can be copied to a store with faults" cp -a "$FLEXFS_TMP/many" "$mnt/many"
check "a store with faults can be synced" sync -f "$mnt"
check "a store with faults can be remounted" remount "$faults" "$mnt" --memCapacity 64M
check "a tree on a store with faults reads without a wrong byte" \
    same_tree "$FLEXFS_TMP/many" "$mnt/many"
stop_mount "$mnt"
