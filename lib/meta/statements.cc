#include "lib/meta/statements.h"

namespace flexfs::meta {
namespace {

#define INODE_COLUMNS                                                                       \
    "mode, uid, gid, nlink, size, used, btime, atime, mtime, ctime, rdev, parent, flags, "  \
    "state, since"
#define INODE_COLUMNS_OF_I                                                                  \
    "i.mode, i.uid, i.gid, i.nlink, i.size, i.used, i.btime, i.atime, i.mtime, i.ctime, "   \
    "i.rdev, i.parent, i.flags, i.state, i.since"
#define ROW(name) #name, &Statements::name

constexpr StatementRow rows[] = {
    {ROW(inode_get), "SELECT ino, " INODE_COLUMNS " FROM inode WHERE ino = ?"},
    {ROW(inode_add),
     "INSERT INTO inode(ino, " INODE_COLUMNS ") "
     "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"},
    {ROW(inode_set),
     "UPDATE inode SET mode = ?2, uid = ?3, gid = ?4, nlink = ?5, size = ?6, "
     "used = ?7, btime = ?8, atime = ?9, mtime = ?10, ctime = ?11, rdev = ?12, "
     "parent = ?13, flags = ?14, state = ?15, since = ?16 WHERE ino = ?1"},
    {ROW(inode_erase), "DELETE FROM inode WHERE ino = ?"},
    {ROW(inode_last), "SELECT ino FROM inode WHERE ino > ? ORDER BY ino DESC LIMIT 1"},

    // LEFT: a name whose inode is missing must be detected as damage, not treated as absent.
    {ROW(lookup), "SELECT d.ino, " INODE_COLUMNS_OF_I " FROM dentry d LEFT JOIN inode i "
                  "ON i.ino = d.ino WHERE d.parent = ? AND d.hash = ? AND d.name = ?"},
    {ROW(dentry_get),
     "SELECT ino, kind, slot, since FROM dentry WHERE parent = ? AND hash = ? AND name = ?"},
    {ROW(dentry_add),
     "INSERT INTO dentry(parent, hash, name, ino, kind, since, slot) "
     "VALUES(?, ?, ?, ?, ?, ?, ?)"},
    {ROW(dentry_set),
     "UPDATE dentry SET ino = ?4, kind = ?5, since = ?6, slot = ?7 "
     "WHERE parent = ?1 AND hash = ?2 AND name = ?3"},
    {ROW(dentry_erase), "DELETE FROM dentry WHERE parent = ? AND hash = ? AND name = ?"},
    {ROW(dentry_list),
     "SELECT hash, name, ino, kind, slot FROM dentry WHERE parent = ? AND hash >= ? "
     "ORDER BY hash, name"},
    {ROW(dentry_list_plus), "SELECT d.ino, " INODE_COLUMNS_OF_I ", d.hash, d.name, d.kind, d.slot "
                            "FROM dentry d LEFT JOIN inode i ON i.ino = d.ino "
                            "WHERE d.parent = ? AND d.hash >= ? ORDER BY d.hash, d.name"},
    {ROW(dentry_group),
     "SELECT hash, name, slot FROM dentry WHERE parent = ? AND hash BETWEEN ? AND ? "
     "ORDER BY hash, name"},

    {ROW(symlink_get), "SELECT target FROM symlink WHERE ino = ?"},
    {ROW(symlink_add), "INSERT INTO symlink(ino, target) VALUES(?, ?)"},
    {ROW(symlink_erase), "DELETE FROM symlink WHERE ino = ?"},

    {ROW(xattr_get), "SELECT value FROM xattr WHERE ino = ? AND name = ?"},
    {ROW(xattr_put), "INSERT OR REPLACE INTO xattr(ino, name, value, since) VALUES(?, ?, ?, ?)"},
    {ROW(xattr_erase), "DELETE FROM xattr WHERE ino = ? AND name = ?"},
    {ROW(xattr_names), "SELECT name FROM xattr WHERE ino = ? ORDER BY name"},
    {ROW(xattr_erase_all), "DELETE FROM xattr WHERE ino = ?"},

    {ROW(inline_get), "SELECT data, bytes, seq FROM inline WHERE id BETWEEN ? AND ? ORDER BY id"},
    {ROW(inline_put),
     "INSERT OR REPLACE INTO inline(id, data, since, bytes, seq) VALUES(?, ?, ?, ?, ?)"},
    {ROW(inline_cut), "UPDATE inline SET bytes = ?2, since = ?3, seq = ?4 WHERE id = ?1"},
    {ROW(inline_erase), "DELETE FROM inline WHERE id BETWEEN ? AND ?"},

    {ROW(extent_list),
     "SELECT idx, seq, off, len, skip, segment, pos, stored, sum, form, chunks FROM extent "
     "WHERE ino = ? AND idx BETWEEN ? AND ? ORDER BY idx, seq"},
    {ROW(extent_add),
     "INSERT INTO extent(ino, idx, seq, off, len, skip, segment, pos, stored, sum, since, form, "
     "chunks) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, nullif(?13, x''))"},
    {ROW(extent_trim),
     "UPDATE extent SET len = ?4, since = ?5 "
     "WHERE ino = ?1 AND idx = ?2 AND seq = ?3"},
    {ROW(extent_erase), "DELETE FROM extent WHERE ino = ? AND idx = ? AND seq = ?"},

    {ROW(cut_first), "SELECT ino, idx, seq FROM cut WHERE ino > 0 ORDER BY ino, idx, seq LIMIT 1"},
    {ROW(cut_list), "SELECT idx, seq FROM cut WHERE ino = ?"},
    {ROW(cut_add), "INSERT OR REPLACE INTO cut(ino, idx, seq) VALUES(?, ?, ?)"},
    {ROW(cut_erase), "DELETE FROM cut WHERE ino = ? AND idx = ? AND seq = ?"},

    {ROW(segment_get), "SELECT bytes, live FROM segment WHERE id = ?"},
    {ROW(segment_add),
     "INSERT INTO segment(id, session, bytes, live, since) VALUES(?, ?, ?, ?, ?)"},
    {ROW(segment_live), "UPDATE segment SET live = ?2 WHERE id = ?1"},
    {ROW(segment_erase), "DELETE FROM segment WHERE id = ?"},
    {ROW(segment_list),
     "SELECT id, bytes, live, since FROM segment WHERE id > ? ORDER BY id LIMIT ?"},

    {ROW(garbage_add), "INSERT OR REPLACE INTO garbage(segment, due) VALUES(?, ?)"},
    {ROW(garbage_get), "SELECT due FROM garbage WHERE segment = ?"},
    {ROW(garbage_due), "SELECT segment FROM garbage WHERE due <= ? ORDER BY due, segment LIMIT ?"},
    {ROW(garbage_erase), "DELETE FROM garbage WHERE segment = ?"},

    {ROW(orphan_holders), "SELECT session FROM orphan WHERE ino = ?"},
    {ROW(orphan_add), "INSERT INTO orphan(ino, session) VALUES(?, ?)"},
    {ROW(orphan_erase), "DELETE FROM orphan WHERE ino = ? AND session = ?"},
    {ROW(orphan_after),
     "SELECT ino, session FROM orphan WHERE (ino, session) > (?, ?) "
     "ORDER BY ino, session LIMIT ?"},

    {ROW(session_list),
     "SELECT id, client, read_only, ended, squash_uid, squash_gid, secret FROM session "
     "WHERE id > 0"},
    {ROW(session_add), "INSERT INTO session(id, client, read_only, ended) VALUES(?, ?, ?, 0)"},
    {ROW(session_secret), "UPDATE session SET secret = ?2 WHERE id = ?1"},
    {ROW(session_squash), "UPDATE session SET squash_uid = ?2, squash_gid = ?3 WHERE id = ?1"},
    {ROW(session_end), "UPDATE session SET ended = 1 WHERE id = ?"},
    {ROW(session_erase), "DELETE FROM session WHERE id = ?"},

    {ROW(reserved_add),
     "INSERT INTO reserved(session, first, count, unused) VALUES(?1, ?2, ?3, ?3)"},
    {ROW(reserved_find),
     "SELECT first, count, unused FROM reserved "
     "WHERE session = ? AND first <= ? ORDER BY first DESC LIMIT 1"},
    {ROW(reserved_use), "UPDATE reserved SET unused = unused - 1 WHERE session = ? AND first = ?"},
    {ROW(reserved_erase), "DELETE FROM reserved WHERE session = ? AND first = ?"},
    {ROW(reserved_first),
     "SELECT first, count FROM reserved WHERE session = ? ORDER BY first LIMIT 1"},

    {ROW(reply_get), "SELECT outcome FROM reply WHERE session = ? AND sequence = ?"},
    {ROW(reply_last), "SELECT max(sequence) FROM reply WHERE session = ?"},
    {ROW(reply_put), "INSERT INTO reply(session, sequence, outcome) VALUES(?, ?, ?)"},
    {ROW(reply_forget), "DELETE FROM reply WHERE session = ? AND sequence < ?"},
    {ROW(reply_erase), "DELETE FROM reply WHERE session = ?"},

    {ROW(counter_get), "SELECT value FROM counter WHERE name = ?"},
    {ROW(counter_put), "INSERT OR REPLACE INTO counter(name, value) VALUES(?, ?)"},
    {ROW(volume_get), "SELECT value FROM volume WHERE name = ?"},
    {ROW(volume_put), "INSERT OR REPLACE INTO volume(name, value) VALUES(?, ?)"},
};

}  // namespace

std::span<const StatementRow> statement_rows() {
    return rows;
}

Result<Statements> Statements::prepare(db::Db& db) {
    Statements all;
    for (const StatementRow& row : rows) {
        TRY(all.*row.stmt, db.prepare(row.sql));
    }
    return all;
}

}  // namespace flexfs::meta
