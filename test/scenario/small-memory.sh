#!/bin/bash
# With little memory every load succeeds, within its memory, and no request waits for 30 s.
# limit: 900
# full limit: 14400
. "$(dirname "$0")/../lib.sh"

data=$FLEXFS_TMP/data
mnt=$FLEXFS_TMP/mnt
hung=$FLEXFS_TMP/hung
group=
wait_max=30  # seconds
if [[ ${FULL:-} == 1 ]]; then
    memories=(32 64 128 256)  # MiB
    patterns=({randwrite,randrw,write,readwrite}-{4k,64k,1m}-{mmap,psync,libaio})
else
    # The smallest sizes, with which a mount hung that had one budget for readers and the compactor.
    memories=(32 64)
    patterns=(randwrite-4k-mmap randrw-4k-psync readwrite-64k-mmap write-1m-libaio)
fi

# --- a cgroup for the mount's process ---

# Its limit is the budget, and what every process uses besides, as for stays_small.
make_group() {
    local bytes=$((($1 + 64) << 20)) root limit
    for root in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/memory; do
        [[ -e $root/cgroup.procs ]] && mkdir "$root/flexfs-test.$$" 2>/dev/null || continue
        group=$root/flexfs-test.$$
        for limit in memory.max memory.limit_in_bytes; do
            [[ ! -e $group/$limit ]] || { echo "$bytes" >"$group/$limit"; return; }
        done
        at_end
    done
    echo "no cgroup can be made here; only what the mount's process held at most is looked at"
}
at_end() {
    [[ -z $group ]] || wait_until 10 rmdir "$group"
    group=
}
start_in_group() {
    if [[ -n $group ]]; then echo "$BASHPID" >"$group/cgroup.procs" || return; fi
    start_mount "$data" "$mnt" --memCapacity "$1M"
}

# --- the watchdog ---

start_watchdog() {
    rm -f "$hung"
    "$FLEXFS_SOURCE/test/load/watchdog" "$mnt" "$mnt/probe" "$FLEXFS_TMP/fusectl" $wait_max \
        "$hung" &
    watchdog=$!
}
stop_watchdog() {
    kill "$watchdog" 2>/dev/null
    wait "$watchdog" 2>/dev/null
}
# watched COMMAND…: also fails if the watchdog had to end COMMAND.
watched() {
    "$@"
    local status=$?
    [[ ! -s $hung ]] || { cat "$hung"; return 1; }
    return $status
}

# --- loads ---

# verify PATTERN SIZE_MIB: writes and reads back as RW-BLOCK-ENGINE says.
verify() {
    local rw block engine options=()
    IFS=- read -r rw block engine <<<"$1"
    [[ $engine != libaio ]] || options=(--direct=1 --iodepth=8)
    mkdir -p "$mnt/fio"
    fio --name=x --directory="$mnt/fio" --size="$2m" --rw="$rw" --bs="$block" \
        --ioengine="$engine" --verify=crc32c --verify_fatal=1 --verify_state_save=0 \
        --randseed=7 "${options[@]}" \
        >"$FLEXFS_TMP/fio.out" 2>&1 || { tail -5 "$FLEXFS_TMP/fio.out"; return 1; }
    rm -r "$mnt/fio"
}
database() {
    "$FLEXFS_SOURCE/test/load/sqlite" write "$mnt/base.db" WAL 2 "$1" &&
        "$FLEXFS_SOURCE/test/load/sqlite" check "$mnt/base.db" 2 "$1"
}
build() {
    local i
    mkdir "$mnt/build" && cd "$mnt/build" || return
    for ((i = 0; i < $1; ++i)); do
        printf '#include <stdio.h>\nint f%d(void) { return printf("%d\\n") > 0; }\n' $i $i >f$i.c
    done
    echo 'int main(void) { return 0; }' >main.c
    printf 'all: $(patsubst %%.c,%%.o,$(wildcard *.c))\n\t$(CC) -o all $^\n' >Makefile
    make --quiet -j2 CFLAGS=-g && ./all && make --question all
}
history() {
    export GIT_AUTHOR_NAME=Test GIT_AUTHOR_EMAIL=test@localhost GIT_CONFIG_NOSYSTEM=1
    export GIT_COMMITTER_NAME=Test GIT_COMMITTER_EMAIL=test@localhost HOME=$FLEXFS_TMP
    git init --quiet "$mnt/git" && cd "$mnt/git" || return
    local i
    for ((i = 0; i < $1; ++i)); do
        openssl rand -hex 20000 >"file$((i % 20))" && git add . && git commit --quiet -m "$i" ||
            return
    done
    git gc --quiet && git clone --quiet . ../clone && git -C ../clone fsck --full --strict
}

stays_within() { (($(peak_bytes "$(mount_pid "$mnt")") <= ($1 + 64) << 20)); }

run_all() {
    local mib=$1 pattern
    for pattern in "${patterns[@]}"; do
        check "fio $pattern of $((mib / 2)) MiB completes and verifies with $mib MiB" \
            watched verify "$pattern" $((mib / 2)) || return
    done
    check "SQLite writers complete and verify with $mib MiB" watched database "$2" || return
    check "a program can be built with $mib MiB" watched eval "(build $2)" || return
    check "a repository can be created, packed and cloned with $mib MiB" watched eval "(history $2)"
}

mkdir "$FLEXFS_TMP/fusectl" && mount -t fusectl fusectl "$FLEXFS_TMP/fusectl" || exit
for mib in "${memories[@]}"; do
    make_group "$mib"
    check "a mount starts with $mib MiB" eval "(start_in_group $mib)" || exit
    head -c 1M /dev/urandom >"$mnt/probe" && sync "$mnt/probe"
    start_watchdog
    run_all "$mib" "$([[ ${FULL:-} == 1 ]] && echo 100 || echo 20)"
    stop_watchdog
    [[ ! -s $hung ]] || exit
    check "the mount stayed within $mib MiB" stays_within "$mib"
    check "the mount of $mib MiB stops" stop_mount "$mnt"
    at_end
    rm -rf "$data"
done
