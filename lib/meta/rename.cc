#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cerrno>

#include "lib/meta/end.h"
#include "lib/meta/operations.h"

namespace flexfs::meta {
namespace {

// Whether `folder` is `below` or an ancestor of it.
Result<bool> contains(Txn& tx, Ino folder, Ino below) {
    // A loop in the tree is damage and must not hang the server.
    for (int depth = 0; depth < 1'000'000; ++depth) {
        if (below == folder) return true;
        if (below == wire::root_ino) return false;
        TRY(Inode * inode, tx.find(below));
        if (!inode) return false;  // below a directory that was removed
        below = inode->attr.parent;
    }
    return fail(tx.damage("directories contain each other"));
}

Result<void> check_replaceable(Txn& tx, const End& from, const End& to) {
    if (!to.inode) return {};
    if (from.is_folder() && !to.is_folder()) return fail(ENOTDIR);
    if (!from.is_folder() && to.is_folder()) return fail(EISDIR);
    if (!to.is_folder()) return {};
    TRY(const bool empty, tx.is_empty(to.inode->attr.ino));
    if (!empty) return fail(ENOTEMPTY);
    return {};
}

// Moves `inode` from directory `from` to `to`: updates its parent and the directories' link counts.
void move_between(Txn& tx, Inode& inode, Inode& from, Inode& to, Time now) {
    inode.attr.ctime = now;
    inode.attr.parent = to.attr.ino;
    if (inode.is_directory()) {
        --from.attr.nlink;
        ++to.attr.nlink;
    }
    tx.changed(inode);
}

// Moving a directory to another parent changes its "..", which takes write permission on it.
Result<void> check_leaves(const Caller& caller, const End& from, const End& to) {
    TRY(caller.may_remove(*from.parent, *from.inode));
    if (from.is_folder() && from.parent != to.parent)
        TRY(caller.may(*from.inode, wire::access_write));
    return {};
}

Result<void> check_caller(const Caller& caller, const End& from, const End& to, bool exchanging) {
    TRY(check_leaves(caller, from, to));
    if (exchanging) return check_leaves(caller, to, from);
    return to.inode ? caller.may_remove(*to.parent, *to.inode) : caller.may_add(*to.parent);
}

bool too_many_folders(const End& from, const End& to) {
    return from.is_folder() && from.parent != to.parent && !to.is_folder() &&
           to.parent->attr.nlink >= wire::nlink_max;
}

// Fills in the number of the moved inode and the attributes that changed.
void tell(wire::Removed& removed, const End& from, const End& to) {
    removed.moved = from.inode->attr.ino;
    removed.also = {from.parent->attr, from.inode->attr};
    if (to.parent != from.parent) removed.also.push_back(to.parent->attr);
}

wire::Removed exchange(Txn& tx, const End& from, const End& to, Time now) {
    tx.put_name(from.parent->attr.ino, from.name, *to.inode);
    tx.put_name(to.parent->attr.ino, to.name, *from.inode);
    move_between(tx, *from.inode, *from.parent, *to.parent, now);
    move_between(tx, *to.inode, *to.parent, *from.parent, now);
    tx.touch(*from.parent, now);
    tx.touch(*to.parent, now);
    wire::Removed removed{.attr = to.inode->attr};
    tell(removed, from, to);
    return removed;
}

Result<wire::Removed> replace(Txn& tx, const End& from, const End& to, Time now) {
    tx.erase_name(from.parent->attr.ino, from.name);
    tx.put_name(to.parent->attr.ino, to.name, *from.inode);
    move_between(tx, *from.inode, *from.parent, *to.parent, now);
    tx.touch(*from.parent, now);
    tx.touch(*to.parent, now);
    wire::Removed removed;
    if (to.inode) {
        TRY(removed, lose(tx, to, now));
    }
    tell(removed, from, to);
    return removed;
}

// Makes a whiteout, which hides a name of a lower layer of overlayfs: a device with number 0.
void leave_whiteout(Txn& tx, const Caller& caller, const End& from, Time now) {
    Inode& made = tx.create();
    wire::Attr& attr = made.attr;
    attr.atime = attr.mtime = attr.ctime = attr.btime = now;
    attr.mode = S_IFCHR;
    attr.uid = caller.who().uid;
    attr.gid = from.parent->attr.mode & S_ISGID ? from.parent->attr.gid : caller.who().gid;
    attr.nlink = 1;
    attr.parent = from.parent->attr.ino;
    attr.flags = inherited_flags(*from.parent);
    tx.put_name(attr.parent, from.name, made);
}

}  // namespace

Result<wire::Removed> rename(Txn& tx, const wire::Rename& request) {
    const bool exchanging = request.flags == RENAME_EXCHANGE;
    if (!exchanging && (request.flags & ~std::uint32_t{RENAME_NOREPLACE | RENAME_WHITEOUT}))
        return fail(EINVAL);
    const bool whiteout = request.flags & RENAME_WHITEOUT;
    TRY(const End from, find_end(tx, request.parent, request.name));
    TRY(const End to, find_end(tx, request.new_parent, request.new_name));
    if (!from.inode || (exchanging && !to.inode)) return fail(ENOENT);
    if (to.parent->attr.nlink == 0) return fail(ENOENT);
    if (to.inode && (request.flags & RENAME_NOREPLACE)) return fail(EEXIST);
    if (from.inode == to.inode) return wire::Removed{};  // both are names of one file and stay
    if (from.is_folder()) {
        TRY(const bool loop, contains(tx, from.inode->attr.ino, request.new_parent));
        if (loop) return fail(EINVAL);
    }
    if (exchanging && to.is_folder()) {
        TRY(const bool loop, contains(tx, to.inode->attr.ino, request.parent));
        if (loop) return fail(EINVAL);
    }
    const Caller caller = tx.caller(request.who);
    TRY(check_caller(caller, from, to, exchanging));
    if (too_many_folders(from, to)) return fail(EMLINK);
    if (exchanging && too_many_folders(to, from)) return fail(EMLINK);
    if (!exchanging) TRY(check_replaceable(tx, from, to));

    if (!to.inode) TRY(tx.room_for_name(request.new_parent, request.new_name));
    if (whiteout) TRY(tx.room_for_inode());

    if (exchanging) return exchange(tx, from, to, request.now);
    TRY(wire::Removed removed, replace(tx, from, to, request.now));
    if (whiteout) leave_whiteout(tx, caller, from, request.now);
    return removed;
}

}  // namespace flexfs::meta
