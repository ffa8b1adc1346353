# Shared by the scripts of test/posix and test/scenario; each sources it first. test/README.md has
# the contract. A script run by hand works too: it then makes its own scratch folder.
#
#   FLEXFS         the binary under test
#   FLEXFS_TMP     a scratch folder of this script alone
#   FLEXFS_HOME    below it, so that locks, logs and credentials are the script's own
#   FLEXFS_SOURCE  the repository
#   FLEXFS_KIND    release, or sanitize: a build that is several times as slow, and needs memory of
#                  its own
#   FLEXFS_STORE   where volume_address() keeps volumes: folder, s3 or azure
#
# When the script ends, however it ends, what it mounted is unmounted and what it started is killed;
# then at_end is called, if the script defines it.
# shellcheck shell=bash
set -uo pipefail

FLEXFS_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
: "${FLEXFS_STORE:=folder}" "${FLEXFS_KIND:=release}"
: "${FLEXFS:=$FLEXFS_SOURCE/build/$FLEXFS_KIND/flexfs/flexfs}"
own_scratch=
if [[ -z ${FLEXFS_TMP:-} ]]; then
    FLEXFS_TMP=$(mktemp -d "${TMPDIR:-/var/tmp}/flexfs-test.XXXXXX")
    own_scratch=yes
fi
export FLEXFS FLEXFS_TMP FLEXFS_HOME=$FLEXFS_TMP/home
mkdir -p "$FLEXFS_HOME"

failures=0

# --- results: one line per test case; the name is a sentence that can be false ---

ok() { echo "ok $1"; }

# not_ok NAME [WHY]
not_ok() {
    failures=$((failures + 1))
    echo "not ok $1${2:+: $2}"
}

# skip NAME WHY: only for what this machine cannot do. In CI a skip is a failure.
skip() { echo "skip $1: ${2:?a skip tells why}"; }

# check NAME COMMAND…: ok if the command succeeds; else not ok, after its output, indented.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        ok "$name"
    else
        echo "    ${output//$'\n'/$'\n    '}"
        not_ok "$name"
        return 1
    fi
}

# check_fails NAME PATTERN COMMAND…: ok if the command fails and its output matches PATTERN.
check_fails() {
    local name=$1 pattern=$2 output
    shift 2
    if output=$("$@" 2>&1); then
        not_ok "$name" "it succeeded: $output"
        return 1
    elif ! grep -Eq -- "$pattern" <<<"$output"; then
        not_ok "$name" "it said: $output"
        return 1
    fi
    ok "$name"
}

# --- mounts ---

# volume_address NAME [OPTION=VALUE…]: prints the address of a volume in the store that the script
# runs on; options such as latency=20ms are those of any store.
volume_address() {
    local name=$1 address options
    shift
    options=$(IFS='&' && echo "$*")
    case $FLEXFS_STORE in
    s3) address="s3://$S3_BUCKET/$name?endpoint=$S3_ENDPOINT&region=$S3_REGION" ;;
    azure)
        address="azure://$AZURITE_CONTAINER/$name?account=$AZURITE_ACCOUNT"
        address+="&endpoint=$AZURITE_ENDPOINT"
        ;;
    *) address=$FLEXFS_TMP/$name ;;
    esac
    if [[ -z $options ]]; then
        echo "$address"
    elif [[ $FLEXFS_STORE == folder ]]; then
        echo "file://$FLEXFS_TMP/$name?$options"
    else
        echo "$address&$options"
    fi
}

# start_mount DATA MNT [FLAG…]: makes both folders and mounts; fails if flexfs fails.
start_mount() {
    local data=$1 mnt=$2 folder=${1#file://}
    shift 2
    [[ $folder == *://* ]] || mkdir -p "${folder%%\?*}" || return
    is_stale "$mnt" || mkdir -p "$mnt" || return
    "$FLEXFS" mount "$data" "$mnt" "$@"
}

# stop_mount MNT: writes back, unmounts, and returns when the mount's process has ended.
stop_mount() {
    local pid
    pid=$(mount_pid "$1")
    "$FLEXFS" mount stop "$1" || return
    wait_until 30 is_gone "$1" "$pid"
}

# remount DATA MNT [FLAG…]: unmounts and mounts, so that later reads come from the store.
remount() { stop_mount "$2" && start_mount "$@"; }

# kill_mount MNT: kills with -9 and detaches the dead mount, which leaves the state of a crash.
kill_mount() {
    local pid
    pid=$(mount_pid "$1")
    [[ -n $pid ]] || return 1
    kill -KILL "$pid"
    wait_until 10 eval "! kill -0 $pid 2>/dev/null"
    umount -l "$1" 2>/dev/null || true
}

# with_mount_helper COMMAND…: runs COMMAND where mount(8) finds the binary as /sbin/mount.flexfs and
# PATH finds it as flexfs, in a mount namespace of its own: the machine's own /sbin is not changed.
with_mount_helper() {
    local bin=$FLEXFS_TMP/bin
    if [[ ! -d $bin ]]; then
        mkdir -p "$bin"
        cp -a /usr/sbin "$bin/sbin"
        ln -sf "$FLEXFS" "$bin/sbin/mount.flexfs"
        ln -sf "$FLEXFS" "$bin/sbin/mount.fuse.flexfs"
        ln -sf "$FLEXFS" "$bin/flexfs"
    fi
    PATH=$bin:$PATH unshare --mount --propagation private bash -c '
        mount --bind "$0" /usr/sbin && exec "$@"' "$bin/sbin" "$@"
}

is_mounted() { grep -q " $(realpath -sm "$1") fuse" /proc/self/mounts; }
is_stale() { ! stat -f "$1" >/dev/null 2>&1 && is_mounted "$1"; }
is_gone() { ! is_mounted "$1" && { [[ -z $2 ]] || ! kill -0 "$2" 2>/dev/null; }; }

# mount_pid MNT: prints the process that serves it; nothing if there is none.
mount_pid() {
    "$FLEXFS" mount status "$1" --json 2>/dev/null |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])' 2>/dev/null
}

# mount_status MNT KEY: prints one number of the status, such as store.requests.put or dirty.bytes.
mount_status() {
    "$FLEXFS" mount status "$1" --json | python3 -c '
import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1].split("."): value = value[key]
print(value)' "$2"
}

# resident_bytes PID: prints the resident memory of the process.
resident_bytes() { awk '/^VmRSS:/ { print $2 * 1024 }' "/proc/$1/status"; }

# peak_bytes PID: prints the most resident memory that the process ever had.
peak_bytes() { awk '/^VmHWM:/ { print $2 * 1024 }' "/proc/$1/status"; }

# The memory that most scenarios allow their mounts, and what a process may hold besides: its code,
# its stacks, and freed memory that the allocator has not returned.
small_memory=(--memCapacity 128M)
small_memory_bytes=$(((128 + 64) << 20))

# per_kind RELEASE SANITIZED: prints the amount of work for the build under test.
per_kind() { if [[ $FLEXFS_KIND == sanitize ]]; then echo "$2"; else echo "$1"; fi; }

# stays_small MNT: fails if a mount with small_memory ever held more.
stays_small() {
    local pid peak
    pid=$(mount_pid "$1")
    peak=$(peak_bytes "${pid:?nothing is mounted on $1}")
    echo "$((peak >> 20)) MiB at most"
    ((peak <= small_memory_bytes))
}

# wait_until SECONDS COMMAND…: runs COMMAND until it succeeds; fails after SECONDS.
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.05
    done
}

# same_tree [--without WHAT] A B: fails and prints the differences, unless the two are equal in
# everything that test/compare checks.
same_tree() { "$FLEXFS_SOURCE/test/compare" "$@"; }

# --- the end ---

# Lists the processes that inherited this script's scratch folder, except the script and its shell.
own_processes() {
    local environment pid
    for environment in /proc/[0-9]*/environ; do
        pid=${environment#/proc/}
        pid=${pid%/environ}
        [[ $pid == "$$" || $pid == "$BASHPID" || $pid == "$PPID" ]] && continue
        if tr '\0' '\n' 2>/dev/null <"$environment" | grep -qxF "FLEXFS_TMP=$FLEXFS_TMP"; then
            echo "$pid"
        fi
    done 2>/dev/null
}

# Lists this script's mounts, the innermost first.
own_mounts() {
    awk -v under="$FLEXFS_TMP/" 'index($2, under) == 1 { print $2 }' /proc/self/mounts | tac
}

clean_up() {
    local status=$? mnt
    trap - EXIT INT TERM
    cd /
    while read -r mnt; do
        timeout 30 "$FLEXFS" mount stop "$mnt" >/dev/null 2>&1 || true
    done < <(own_mounts)
    while read -r mnt; do
        umount "$mnt" 2>/dev/null || umount -l "$mnt"
    done < <(own_mounts)
    local pids
    pids=$(own_processes)
    # shellcheck disable=SC2086  # one argument per process
    [[ -z $pids ]] || kill -KILL $pids 2>/dev/null
    if declare -F at_end >/dev/null; then at_end; fi
    [[ -z $own_scratch ]] || rm -rf --one-file-system "$FLEXFS_TMP"
    ((status == 0 && failures == 0)) || exit $((status == 0 ? 1 : status))
    exit 0
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

[[ -x $FLEXFS ]] || { echo "not ok ${0##*/}: no binary at $FLEXFS"; exit 1; }

case $FLEXFS_STORE in
folder) ;;
s3)
    . "$FLEXFS_SOURCE/test/servers/lib.sh"
    start_s3
    export AWS_ACCESS_KEY_ID=$S3_ACCESS_KEY AWS_SECRET_ACCESS_KEY=$S3_SECRET_KEY
    ;;
azure)
    . "$FLEXFS_SOURCE/test/servers/lib.sh"
    start_azurite
    export AZURE_STORAGE_KEY=$AZURITE_KEY
    ;;
*)
    not_ok "the store $FLEXFS_STORE can be used" "it is neither folder, s3 nor azure"
    exit 1
    ;;
esac
