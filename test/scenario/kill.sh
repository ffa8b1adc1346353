#!/bin/bash
# After each kill -9 or stop of a mount under load, with and without --sync, also in the middle of a
# compaction, everything synced is there, and nothing half done is.
# builds: release sanitize
# stores: folder s3
# limit: 900
# full limit: 14400
. "$(dirname "$0")/../lib.sh"

data=$(volume_address data)
mnt=$FLEXFS_TMP/mnt
load=$FLEXFS_SOURCE/test/load/crash
if [[ ${FULL:-} == 1 ]]; then
    : "${ROUNDS:=300}"
    compacting_every=2
else
    rounds=$(per_kind 50 9) compacting_every=$(per_kind 8 4)
    [[ $FLEXFS_STORE == folder ]] || rounds=10 compacting_every=4
    : "${ROUNDS:=$rounds}"
fi
: "${SEED:=$RANDOM}"
echo "SEED=$SEED"
RANDOM=$SEED

paths() { echo "$mnt/round$1" "$FLEXFS_TMP/logs/round$1"; }
milliseconds() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }

# The kind of a round: compacting or not, with --sync or not, and ended by a kill or a stop.
choose_kind() {
    kind=
    ((number % compacting_every)) || kind+=compacting
    ((RANDOM % 2)) || kind+=-sync
    if [[ $kind == compacting* ]] && ((RANDOM % 2)); then kind+=-stopped; else kind+=-killed; fi
    kind=${kind#-}
}

# Stores five files in one segment. The round removes four of them, and the repacker then moves the
# fifth.
make_sparse_segment() {
    local name
    start_mount "$data" "$mnt" && mkdir -p "$mnt/sparse" "$FLEXFS_TMP/sparse" || return
    for name in "$number."{1..5}; do head -c 300000 /dev/urandom >"$mnt/sparse/$name"; done
    cp "$mnt/sparse/$number.1" "$FLEXFS_TMP/sparse/"
    stop_mount "$mnt"
}
moved_files_are_intact() {
    local file
    for file in "$FLEXFS_TMP"/sparse/*; do cmp "$file" "$mnt/sparse/${file##*/}" || return; done
}

# In a compacting round the store is slow, so that most moments are in the middle of a compaction.
start_kind() {
    local address=$data flags=(--blockSize 1M)
    if [[ $kind == compacting* ]]; then
        address=$(volume_address data "latency=$((20 + RANDOM % 100))ms")
        flags+=(--repackInterval 50ms)
    fi
    [[ $kind != *sync* ]] || flags+=(--sync)
    start_mount "$address" "$mnt" "${flags[@]}"
}

has_repacked() { (($(mount_status "$mnt" metadata.segments_repacked) > 0)); }

# The repacker starts at once, the compactor two seconds after a file was left in pieces. The first
# time, a segment is repacked for certain.
wait_somehow() {
    if [[ $kind != compacting* ]]; then
        milliseconds $((RANDOM % 900))
        return
    fi
    ((repacked)) || wait_until 60 has_repacked
    milliseconds $((RANDOM % 3 ? 2000 + RANDOM % 1500 : RANDOM % 2000))
    if has_repacked; then repacked=$((repacked + 1)); fi
}

# The moment is random; no check depends on it.
end_somehow() {
    local pid
    pid=$(mount_pid "$mnt") || return
    wait_somehow
    if [[ $kind == *stopped ]]; then
        "$FLEXFS" mount stop --force "$mnt"
        wait_until 60 is_gone "$mnt" "$pid"
        return
    fi
    case $((RANDOM % 6)) in
    0) kill -TERM "$pid" && milliseconds $((RANDOM % 80)) ;;  # while it stores the last data
    1) sync -f "$mnt" 2>/dev/null & ;;
    esac
    kill -KILL "$pid" 2>/dev/null
    wait_until 60 eval "! kill -0 $pid 2>/dev/null"
}

# Checks the work of the previous rounds after their crashes, then works until the next crash.
round() {
    local number=$1 old worker kind
    choose_kind
    echo "round $number: $kind"
    if [[ $kind == compacting* ]]; then
        make_sparse_segment || { echo "the files of a sparse segment cannot be stored"; return 1; }
    fi
    start_kind || { echo "it does not mount again"; return 1; }
    if ((RANDOM % 5 == 0)); then  # while it recovers from the last crash
        kill -KILL "$(mount_pid "$mnt")"
        start_kind || { echo "it does not mount after two crashes"; return 1; }
    fi
    # shellcheck disable=SC2046  # two words
    if ((number > 1)); then
        "$load" check $(paths $((number - 1))) "$SEED.$((number - 1))" || return
        for ((old = number - 3; old < number - 1; old++)); do
            ((old < 1)) || "$load" same $(paths "$old") || return
        done
    fi
    rm -f "$mnt/sparse/$number".[2-5]
    if ((number > 5)); then rm -rf "$mnt/round$((number - 5))" 2>/dev/null & fi
    # shellcheck disable=SC2046
    "$load" work $(paths "$number") "$SEED.$number" &
    worker=$!
    wait_until 60 [ -e "$FLEXFS_TMP/logs/round$number/names" ] ||
        { echo "the writers did not begin"; return 1; }
    end_somehow || { echo "the mount did not end"; return 1; }
    wait "$worker" || { echo "a writer met another error than the crash"; return 1; }
    wait
}

# Checks that every object is a segment of the database or one that it is going to delete, and that
# every segment is an object. A running mount locks its database.
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
no_segments() {
    if [[ $FLEXFS_STORE == folder ]]; then
        ! find "$data"/*-*/ -type f | grep -q .
    else
        ! s3_keys data/ | grep -q -- /../
    fi
}
no_temporary_files() { [[ -z $(find "$data/.put" -type f) ]]; }

done_rounds=0 repacked=0
for ((number = 1; number <= ROUNDS; number++)); do
    round "$number" || break
    done_rounds=$number
done
check "after $ROUNDS kills and stops nothing synced is lost and nothing is half done" \
    [ "$done_rounds" = "$ROUNDS" ]
check "segments were repacked in these rounds" [ "$repacked" -gt 0 ]
echo "segments were repacked in $repacked rounds"

start_mount "$data" "$mnt" || exit
# shellcheck disable=SC2046
check "the last round has lost nothing" "$load" check $(paths "$ROUNDS") "$SEED.$ROUNDS"
check "the files of repacked segments are intact" moved_files_are_intact
check "a scrub finds nothing damaged" "$FLEXFS" scrub "$mnt"
if [[ $FLEXFS_STORE == folder ]]; then
    check "uploaded segments that were not committed are known as garbage" all_accounted_for
    check "no unfinished upload is left" no_temporary_files
fi
check "all files can be removed" rm -rf "$mnt"/round* "$mnt/sparse"
check "no object is left, committed or not" wait_until 60 no_segments
check "the volume can be unmounted" stop_mount "$mnt"
