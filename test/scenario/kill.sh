#!/bin/bash
# After each kill -9 of a mount under load, everything synced is there, and nothing half done is.
# builds: release sanitize
# limit: 900
. "$(dirname "$0")/../lib.sh"

data=$FLEXFS_TMP/data
mnt=$FLEXFS_TMP/mnt
load=$FLEXFS_SOURCE/test/load/crash
: "${ROUNDS:=$(per_kind 50 8)}" "${SEED:=$RANDOM}"
echo "SEED=$SEED"
RANDOM=$SEED

paths() { echo "$mnt/round$1" "$FLEXFS_TMP/logs/round$1"; }
milliseconds() { sleep "$(printf '0.%03d' "$1")"; }

# Only the moment is random; no check depends on it.
kill_somehow() {
    local pid
    pid=$(mount_pid "$mnt") || return
    milliseconds $((RANDOM % 900))
    case $((RANDOM % 6)) in
    0) kill -TERM "$pid" && milliseconds $((RANDOM % 80)) ;;  # while it stores the last data
    1) sync -f "$mnt" 2>/dev/null & ;;
    esac
    kill -KILL "$pid" 2>/dev/null
    wait_until 10 eval "! kill -0 $pid 2>/dev/null"
}

# Checks the previous rounds' work after the crash; then more work is done, and another crash
# follows.
round() {
    local number=$1 old worker
    start_mount "$data" "$mnt" || { echo "it does not mount again"; return 1; }
    if ((RANDOM % 5 == 0)); then  # while it recovers from the last crash
        kill -KILL "$(mount_pid "$mnt")"
        start_mount "$data" "$mnt" || { echo "it does not mount after two crashes"; return 1; }
    fi
    # shellcheck disable=SC2046  # two words
    if ((number > 1)); then
        "$load" check $(paths $((number - 1))) "$SEED.$((number - 1))" || return
        for ((old = number - 3; old < number - 1; old++)); do
            ((old < 1)) || "$load" same $(paths "$old") || return
        done
    fi
    if ((number > 5)); then rm -rf "$mnt/round$((number - 5))" 2>/dev/null & fi
    # shellcheck disable=SC2046
    "$load" work $(paths "$number") "$SEED.$number" &
    worker=$!
    wait_until 10 [ -e "$FLEXFS_TMP/logs/round$number/names" ] && kill_somehow || return
    wait "$worker" || { echo "a writer met another error than the crash"; return 1; }
    wait
}

# Every object is a segment of the database or one that it is going to delete, and every segment is
# an object. A running mount locks its database.
all_accounted_for() {
    stop_mount "$mnt" && python3 - "$data" <<'END_OF_PYTHON' && start_mount "$data" "$mnt"
import pathlib, sqlite3, sys
data = pathlib.Path(sys.argv[1])
db = sqlite3.connect(f"file:{data}/meta/volume.db?mode=ro", uri=True)
known = {id for id, in db.execute("SELECT id FROM segment")}
garbage = {id for id, in db.execute("SELECT segment FROM garbage")}
objects = {int(path.name, 16) for path in data.glob("*-*/??/*")}
unknown, missing = sorted(objects - known - garbage), sorted(known - objects)
print(f"{len(objects)} objects, {len(known)} segments; unknown {unknown}, missing {missing}")
sys.exit(bool(unknown or missing))
END_OF_PYTHON
}
no_temporary_files() { [[ -z $(find "$data/.put" -type f) ]]; }

done_rounds=0
for ((number = 1; number <= ROUNDS; number++)); do
    round "$number" || break
    done_rounds=$number
done
check "$ROUNDS kills lose nothing synced and show nothing half done" [ "$done_rounds" = "$ROUNDS" ]

start_mount "$data" "$mnt" || exit
# shellcheck disable=SC2046
check "so does the last" "$load" check $(paths "$ROUNDS") "$SEED.$ROUNDS"
check "what was uploaded and not committed is known to be garbage" all_accounted_for
check "no unfinished upload is left" no_temporary_files
check "all of it can be removed" rm -rf "$mnt"/round*
check "then no object is left in the end, committed or not" eval '
    wait_until 60 eval "! find \"$data\"/*-*/ -type f | grep -q ."'
check "it unmounts as ever" stop_mount "$mnt"
