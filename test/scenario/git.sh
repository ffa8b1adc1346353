#!/bin/bash
# A repository with history is cloned, packed, checked and checked out on a mount, and lives there.
# stores: folder s3 azure
# limit: 600
. "$(dirname "$0")/../lib.sh"

data=$(volume_address data)
mnt=$FLEXFS_TMP/mnt
origin=$FLEXFS_TMP/origin
: "${SEED:=$RANDOM}"
echo "SEED=$SEED"
export GIT_AUTHOR_NAME=Test GIT_AUTHOR_EMAIL=test@localhost GIT_CONFIG_NOSYSTEM=1 HOME=$FLEXFS_TMP
export GIT_COMMITTER_NAME=Test GIT_COMMITTER_EMAIL=test@localhost

# Makes 500 commits, each changing some of 400 files in 20 folders; a branch every hundred commits.
history() {
    python3 - "$SEED" <<'END_OF_PYTHON'
import random, sys
dice = random.Random(int(sys.argv[1]))
def data(text): print(f"data {len(text)}\n{text}")
for commit in range(500):
    print(f"commit refs/heads/main\nmark :{commit + 1}")
    print(f"committer Test <test@localhost> {1700000000 + commit * 60} +0000")
    data(f"Change {commit}")
    if commit: print(f"from :{commit}")
    for _ in range(400 if commit == 0 else dice.randint(1, 12)):
        print(f"M 100644 inline folder{dice.randrange(20)}/file{dice.randrange(400)}.txt")
        lines = dice.randint(1, 200)
        data("\n".join(f"{dice.getrandbits(64):x} line {i}" for i in range(lines)) + "\n")
    if commit % 100 == 99: print(f"reset refs/heads/branch{commit // 100}\nfrom :{commit + 1}\n")
END_OF_PYTHON
}
make_origin() {
    git init --quiet --bare --initial-branch=main "$origin" &&
        history | git -C "$origin" fast-import --quiet
}
in_clone() { git -C "$mnt/clone" "$@"; }
is_clean() { [[ -z $(in_clone status --porcelain) ]]; }
visits_branches() {
    local branch
    for branch in branch{0..4} main; do
        in_clone checkout --quiet "$branch" && is_clean || return
    done
}
commits_and_rebases() {
    local i
    in_clone checkout --quiet -b work branch2 || return
    for i in {1..20}; do
        echo "$i" >>"$mnt/clone/work.txt"
        in_clone add work.txt && in_clone commit --quiet -m "Work $i" || return
    done
    in_clone rebase --quiet main && is_clean && (($(in_clone rev-list --count main..work) == 20))
}
# Compares tracked and untracked files; the index and the logs contain times and paths and differ.
same_as_local_clone() {
    rm -rf "$FLEXFS_TMP/local"
    git clone --quiet --branch main "$origin" "$FLEXFS_TMP/local" &&
        in_clone checkout --quiet main && mv "$mnt/clone/.git" "$mnt/clone.git" || return
    rm -rf "$FLEXFS_TMP/local/.git"
    same_tree --without mtime "$FLEXFS_TMP/local" "$mnt/clone"
    local status=$?
    mv "$mnt/clone.git" "$mnt/clone/.git"
    return $status
}

check "a repository with history can be created" make_origin
start_mount "$data" "$mnt" "${small_memory[@]}" || exit
check "git clone works" git clone --quiet "file://$origin" "$mnt/clone"
check "git fsck finds no error" in_clone fsck --full --strict
check "the working tree equals that of a local clone" same_as_local_clone
check "every branch can be checked out and is clean" visits_branches
check "commits and a rebase can be pushed" commits_and_rebases
check "git gc works" in_clone gc --quiet --prune=now
check "git fsck finds no error after the gc" in_clone fsck --full --strict
check "git stays within the memory" stays_small "$mnt"

cp -a "$mnt/clone" "$FLEXFS_TMP/copy"
check "the volume can be remounted" remount "$data" "$mnt" "${small_memory[@]}"
check "the clone is the same after a remount" same_tree "$FLEXFS_TMP/copy" "$mnt/clone"
check "git status is clean after a remount" is_clean
check "git fsck finds no error after a remount" in_clone fsck --full --strict
check "the working tree equals that of a local clone after a remount" same_as_local_clone
check "every branch can be checked out after a remount" visits_branches
check "git fsck finds no error in a clone of the clone" eval '
    git clone --quiet "$mnt/clone" "$mnt/second" && git -C "$mnt/second" fsck --full --strict'
