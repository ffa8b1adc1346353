#!/bin/bash
# An SQLite database takes concurrent writers in WAL and in DELETE mode, and stays intact.
# builds: release sanitize
# stores: folder s3
# limit: 600
. "$(dirname "$0")/../lib.sh"

data=$(volume_address data)
mnt=$FLEXFS_TMP/mnt
load=$FLEXFS_SOURCE/test/load/sqlite
writers=4
transactions=${TRANSACTIONS:-$(per_kind 150 30)}

is_sound() { "$load" check "$1" $writers "$transactions"; }
cli_is_content() { [[ $(sqlite3 "$1" 'PRAGMA integrity_check') == ok ]]; }
vacuums() { sqlite3 "$1" 'DELETE FROM entry WHERE number % 2; VACUUM' && cli_is_content "$1"; }

start_mount "$data" "$mnt" "${small_memory[@]}" || exit
for mode in WAL DELETE; do
    file=$mnt/$mode.db
    check "$writers writers and a reader work concurrently ($mode)" \
        "$load" write "$file" $mode $writers "$transactions"
    check "every row exists exactly once ($mode)" is_sound "$file"
done
cp "$mnt"/*.db "$FLEXFS_TMP"
[[ $FLEXFS_KIND == sanitize ]] || check "databases stay within the memory" stays_small "$mnt"
check "the volume can be remounted" remount "$data" "$mnt" "${small_memory[@]}"
for mode in WAL DELETE; do
    file=$mnt/$mode.db
    check "every row exists exactly once after a remount ($mode)" is_sound "$file"
    check "the bytes of the database are unchanged after a remount ($mode)" \
        cmp "$FLEXFS_TMP/$mode.db" "$file"
    check "sqlite3 finds no error ($mode)" cli_is_content "$file"
    check "half of the rows can be deleted and vacuumed ($mode)" vacuums "$file"
done
