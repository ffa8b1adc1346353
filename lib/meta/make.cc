// Implements mkdir, mknod, create, symlink, and files without a name.
#include <sys/stat.h>

#include <cerrno>

#include "lib/meta/operations.h"

namespace flexfs::meta {
namespace {

Result<void> check_kind(const wire::Make& request) {
    switch (request.mode & S_IFMT) {
        case S_IFREG:
        case S_IFDIR:
        case S_IFCHR:
        case S_IFBLK:
        case S_IFIFO:
        case S_IFSOCK: break;
        case S_IFLNK:
            if (request.target.empty()) return fail(ENOENT);
            if (request.target.size() > wire::symlink_bytes_max) return fail(ENAMETOOLONG);
            if (request.target.find('\0') != std::string::npos) return fail(EINVAL);
            break;
        default: return fail(EINVAL);
    }
    if (!request.name.empty()) return check_name(request.name);
    return S_ISREG(request.mode) ? Result<void>() : fail(ENOENT);
}

// In a directory with the setgid bit new inodes get its group, and directories also get the bit.
void inherit(const Inode& parent, const wire::Make& request, const Caller& caller,
             wire::Attr& made) {
    made.parent = parent.attr.ino;
    made.mode = request.mode & (S_IFMT | 07777);
    made.uid = caller.who().uid;
    made.gid = caller.who().gid;
    made.flags = inherited_flags(parent);
    if (!(parent.attr.mode & S_ISGID)) return;
    if (!S_ISDIR(made.mode) && (made.mode & S_IXGRP))
        made.mode = caller.without_foreign_setgid(made.mode, parent);
    made.gid = parent.attr.gid;
    if (S_ISDIR(made.mode)) made.mode |= S_ISGID;
}

// A default ACL limits the permissions of a new inode; without one the umask does.
Result<void> limit_permissions(Txn& tx, const Inode& parent, std::uint32_t umask, Inode& made) {
    std::uint32_t& mode = made.attr.mode;
    if (S_ISLNK(mode)) return {};
    TRY(std::optional<Acl> acl, tx.acl(parent, acl_default_name));
    if (!acl) {
        mode &= ~(umask & 0777);
        return {};
    }
    if (made.is_directory()) TRY(tx.put_xattr(made, acl_default_name, encode_acl(*acl)));
    mode = acl->inherit(mode);
    if (acl->is_only_mode()) return {};
    return tx.put_xattr(made, acl_access_name, encode_acl(*acl));
}

}  // namespace

// Existence is checked before limits: `mkdir -p` on a full volume must get EEXIST, not ENOSPC.
Result<wire::Entry> make(Txn& tx, const wire::Make& request, Notes& notes) {
    TRY(check_kind(request));
    TRY(Inode * parent, tx.living_directory(request.parent));
    const bool named = !request.name.empty();
    if (!named && tx.session() == 0) return fail(EINVAL);  // no session would keep the inode alive
    if (named) {
        TRY(const std::optional<Name> there, tx.name(request.parent, request.name));
        if (there && !request.existing_ok) return fail(EEXIST);
        if (there) {
            TRY(Inode * found, tx.find(there->ino));
            if (!found) return fail(tx.damage("a name without its inode"));
            return entry_of(tx.st(), *found, true);
        }
    }
    const Caller caller = tx.caller(request.who);
    TRY(caller.may_make(*parent, request.mode));
    const bool is_folder = S_ISDIR(request.mode);
    if (is_folder && parent->attr.nlink >= wire::nlink_max) return fail(EMLINK);
    TRY(tx.room_for_inode());
    if (named) TRY(tx.room_for_name(request.parent, request.name));

    Inode& made = tx.create();
    wire::Attr& attr = made.attr;
    attr.atime = attr.mtime = attr.ctime = attr.btime = request.now;
    inherit(*parent, request, caller, attr);
    TRY(limit_permissions(tx, *parent, request.umask, made));
    attr.nlink = is_folder ? 2 : named ? 1 : 0;
    if (S_ISCHR(attr.mode) || S_ISBLK(attr.mode)) attr.rdev = request.rdev;
    if (S_ISLNK(attr.mode)) {
        attr.size = request.target.size();
        TRY(tx.st().symlink_add.run(attr.ino, std::string_view(request.target)));
    }
    if (named) {
        tx.put_name(request.parent, request.name, made);
        if (is_folder) ++parent->attr.nlink;
        tx.touch(*parent, request.now);
    } else {
        made.state |= is_linkable;
        tx.orphans().add(attr.ino, tx.session());
    }
    notes.created = true;
    TRY(wire::Entry entry, entry_of(tx.st(), made, true));
    if (named) entry.also = {parent->attr};
    return entry;
}

}  // namespace flexfs::meta
