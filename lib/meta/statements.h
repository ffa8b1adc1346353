// Every statement that the metadata engine executes, prepared once. statements.cc has their SQL,
// one row each.
#pragma once

#include <span>

#include "lib/db/db.h"

namespace flexfs::meta {

struct Statements {
    db::Stmt inode_get, inode_add, inode_set, inode_erase, inode_last;
    db::Stmt lookup, dentry_get, dentry_add, dentry_set, dentry_erase, dentry_list,
        dentry_list_plus, dentry_group;
    db::Stmt symlink_get, symlink_add, symlink_erase;
    db::Stmt xattr_get, xattr_put, xattr_erase, xattr_names, xattr_erase_all;
    db::Stmt inline_get, inline_put, inline_cut, inline_erase;
    db::Stmt extent_list, extent_add, extent_trim, extent_erase;
    db::Stmt cut_first, cut_list, cut_add, cut_erase;
    db::Stmt segment_get, segment_add, segment_live, segment_erase, segment_list;
    db::Stmt garbage_add, garbage_get, garbage_due, garbage_erase;
    db::Stmt orphan_holders, orphan_add, orphan_erase, orphan_after;
    db::Stmt session_list, session_add, session_secret, session_squash, session_end, session_erase;
    db::Stmt reserved_add, reserved_find, reserved_use, reserved_erase, reserved_first;
    db::Stmt reply_get, reply_last, reply_put, reply_forget, reply_erase;
    db::Stmt counter_get, counter_put, volume_get, volume_put;

    // EIO: the database does not have the tables of its format.
    static Result<Statements> prepare(db::Db& db);
};

struct StatementRow {
    const char* name;
    db::Stmt Statements::* stmt;
    const char* sql;
};
std::span<const StatementRow> statement_rows();

}  // namespace flexfs::meta
