#!/bin/bash
# The state of data that is not stored yet: durability of a file, status, sync, the access log.
# builds: release sanitize
. "$(dirname "$0")/../lib.sh"

data=$FLEXFS_TMP/data
mnt=$FLEXFS_TMP/mnt
small=$FLEXFS_TMP/small  # a filesystem with little room
log=$FLEXFS_TMP/mount.log
said=$FLEXFS_TMP/said
head -c 3000000 /dev/urandom >"$FLEXFS_TMP/random"

durability() { getfattr --absolute-names --only-values -n flexfs.durability "$1"; }
is_durable() { [[ $(durability "$1") == store ]]; }
# json EXPRESSION: succeeds if the Python expression is true of the JSON object `it` in the input.
json() {
    python3 -c '
import json, sys
it = json.load(sys.stdin)
print(it)
assert eval(sys.argv[1])' "$1"
}
status_is() { "$FLEXFS" mount status "$mnt" --json | json "$1"; }

# --- durability ---
start_mount "file://$data?latency=100ms" "$mnt" --logFile "$log"
cp "$FLEXFS_TMP/random" "$mnt/synced"
check "a file that is not stored is in memory" eval '[[ $(durability "$mnt/synced") == memory ]]'
sync "$mnt/synced"
check "a file that was synced is in the store" is_durable "$mnt/synced"
cp "$FLEXFS_TMP/random" "$mnt/late"
touch -d 2001-01-01 "$mnt/late"
check "a file that nobody syncs is in the store within seconds" \
    wait_until 20 is_durable "$mnt/late"
check_fails "a folder has no durability" "No such attribute" durability "$mnt"
check "the attribute is not listed" eval '[[ -z $(getfattr -d -m - "$mnt/late") ]]'

# --- status ---
check "status --json has the state of the volume" \
    status_is 'it["read_only"] is False and it["limits"] == {"bytes": None, "inodes": None}'
cp "$FLEXFS_TMP/random" "$mnt/more"
check "status of one mount describes it" eval '
    "$FLEXFS" mount status "$mnt" | tee "$said"
    grep -q "^not stored yet  2.9 MiB in 1 file, the oldest for" "$said" &&
        grep -q "^state           serving, read-write$" "$said"'

# --- sync ---
for number in {1..50}; do head -c 20000 /dev/urandom >"$mnt/file$number"; done
check "sync prints nothing if it succeeds" eval '
    [[ -z $(timeout 60 "$FLEXFS" mount sync "$mnt" 2>&1) ]]'
check "after sync, nothing is unsaved" status_is 'it["dirty"]["bytes"] == 0'
check "after sync, a file is in the store" is_durable "$mnt/file50"
check "sync --json has the result" eval '
    "$FLEXFS" mount sync "$mnt" --json | json "it[\"stored\"] and it[\"mount_point\"] == \"$mnt\""'
(while :; do echo more; done >"$mnt/growing") &
writer=$!
check "sync does not wait for what is written meanwhile" timeout 60 "$FLEXFS" mount sync "$mnt"
kill $writer
check_fails "sync of a folder that is no mount fails" "nothing is mounted" \
    "$FLEXFS" mount sync "$FLEXFS_TMP"
echo kept >"$mnt/kept"
"$FLEXFS" mount sync "$mnt"
kill_mount "$mnt"
start_mount "$data" "$mnt"
check "synced data survives a kill of the mount" grep -qx kept "$mnt/kept"
stop_mount "$mnt"

# --- a store without room ---
mkdir -p "$small" && mount -t tmpfs -o size=32m none "$small"
start_mount "$small/data" "$mnt" --dbFolder "$FLEXFS_TMP/db" --logFile "$log"
cat /dev/zero >"$small/filler" 2>/dev/null
mkdir "$mnt/folder"
cp "$FLEXFS_TMP/random" "$mnt/folder/big"
check_fails "sync --timeout names files that could not be saved, and why" \
    "after 3.0 s, not everything .* $mnt/folder/big; cannot write back .*No space" \
    "$FLEXFS" mount sync "$mnt" --timeout 3s
check "its JSON names them, too" eval '
    ! "$FLEXFS" mount sync "$mnt" --timeout 1s --json >"$said" 2>/dev/null &&
        json "not it[\"stored\"] and it[\"unstored\"] == [\"/folder/big\"]" <"$said"'
check "data that is late is counted" wait_until 20 status_is 'it["dirty"]["late"] > 0'
check "it is logged, once" eval '(($(grep -c "the oldest for .*; the bound is" "$log") == 1))'
"$FLEXFS" mount sync "$mnt" 2>"$said" &
syncing=$!
check "sync without a limit waits, and prints why" wait_until 20 grep -q "No space" "$said"
rm "$small/filler"
wait $syncing
check "sync succeeds when there is room" [ $? = 0 ]
check "then the file is in the store" is_durable "$mnt/folder/big"

cat /dev/zero >"$small/filler" 2>/dev/null
cp "$FLEXFS_TMP/random" "$mnt/folder/next"
pid=$(mount_pid "$mnt")
umount "$mnt"
"$FLEXFS" mount "$small/data" "$mnt" --dbFolder "$FLEXFS_TMP/db" --logFile "$log" 2>"$said" &
starting=$!
check "a mount that waits for an earlier process says so" \
    wait_until 20 grep -q "waiting until process $pid has stored the data of $mnt" "$said"
rm "$small/filler"
wait $starting
check "it starts when that process has ended" is_durable "$mnt/folder/next"

cat /dev/zero >"$small/filler" 2>/dev/null
cp "$FLEXFS_TMP/random" "$mnt/folder/lost"
pid=$(mount_pid "$mnt")
"$FLEXFS" mount stop "$mnt" 2>"$said" &
stopping=$!
wait_until 20 grep -q "cannot write back" "$said"
kill -TERM "$pid"
wait $stopping
check "stop names the files that could not be saved" \
    grep -q "not everything is stored: .* were discarded: $mnt/folder/lost" "$said"
umount "$small"

# --- the access log ---
access=$FLEXFS_TMP/access.log
start_mount "$data" "$mnt" --accessLog "$access"
check "the access log is readable by its owner alone" eval '[[ $(stat -c %a "$access") == 600 ]]'
mkdir "$mnt/a b"
cat "$mnt/none" 2>/dev/null
echo text >"$mnt/logged"
line() { wait_until 5 grep -Eq "^[0-9T:.-]+Z $1 [0-9]+us\$" "$access"; }
check "an operation is logged with its arguments, caller and result" \
    line 'mkdir ino=1 mode=[0-7]+ name=a\\040b uid=0 pid=[0-9]+ = OK'
check "a failed operation is logged with its errno" line 'lookup ino=1 name=none uid=0 .* = ENOENT'
check "a write is logged with its bytes" line 'write ino=[0-9]+ fh=[0-9]+ offset=0 size=5 .* = 5'
mv "$access" "$access.1"
kill -HUP "$(mount_pid "$mnt")"
rmdir "$mnt/a b"
check "after SIGHUP the log goes to a new file" line 'rmdir ino=1 name=a\\040b .* = OK'
check "restart keeps the access log" "$FLEXFS" mount restart "$mnt"
touch "$mnt/after"
check "the next process appends to it" line 'create ino=1 .*name=after .* = OK'
check "the line of the previous process is still there" line 'rmdir .* = OK'
stop_mount "$mnt"
check_fails "a log in a missing folder is refused" "the folder /none/such does not exist" \
    "$FLEXFS" mount "$data" "$mnt" --accessLog /none/such/log
check_fails "a log inside the mount is refused" "is inside the mount" \
    "$FLEXFS" mount "$data" "$mnt" --accessLog "$mnt/log"
check_fails "a log that cannot be opened is an error" \
    "cannot open the access log $FLEXFS_TMP: Is a" \
    "$FLEXFS" mount "$data" "$mnt" --accessLog "$FLEXFS_TMP"
