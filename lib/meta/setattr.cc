#include <sys/stat.h>

#include <cerrno>

#include "lib/meta/operations.h"
#include "lib/wire/privileges.h"

namespace flexfs::meta {
namespace {

Result<void> chmod(Txn& tx, Inode& inode, std::uint32_t mode) {
    inode.attr.mode = (inode.attr.mode & S_IFMT) | (mode & 07777);
    TRY(std::optional<Acl> acl, tx.acl(inode, acl_access_name));
    if (!acl) return {};
    acl->chmod(mode);
    return tx.put_xattr(inode, acl_access_name, encode_acl(*acl));
}

}  // namespace

Result<wire::Entry> setattr(Txn& tx, const wire::SetAttr& request) {
    const std::uint32_t mask = request.mask;
    wire::Attr wanted = request.attr;
    TRY(Inode * inode, tx.inode(request.ino));
    const Caller caller = tx.caller(request.who);
    TRY(caller.may_set(*inode, mask, wanted));
    wanted.mode = caller.without_foreign_setgid(wanted.mode, *inode);
    if (mask & wire::set_flags) TRY(check_flags(wanted.flags));
    if (mask & wire::set_size) {
        TRY(inode, tx.file(request.ino));
        if (wanted.size > wire::file_bytes_max) return fail(EFBIG);
    }

    wire::Attr& attr = inode->attr;
    const bool chown = mask & (wire::set_uid | wire::set_gid);
    const bool cut = (mask & wire::set_size) && caller.is_squashed();
    // If it is the only attribute, the request is a chown(2) that names neither an owner nor a
    // group.
    const bool disown = (mask & ~std::uint32_t{wire::set_kill_setgid}) == wire::set_kill_privileges;
    // Linux treats it as a change of the mode if there is something to clear.
    const bool setgid_too = mask & wire::set_kill_setgid;
    if (disown && !inode->is_directory() &&
        wire::without_privileges(attr.mode, setgid_too) != attr.mode)
        TRY(flags_let_set(*inode, wire::set_mode));
    const bool kill = disown ? caller.may_disown(*inode) && !inode->is_directory()
                             : (mask & wire::set_kill_privileges) != 0;
    if (kill || cut || (chown && !inode->is_directory()))
        TRY(kill_privileges(tx, *inode, setgid_too));
    if (mask & wire::set_mode) TRY(chmod(tx, *inode, wanted.mode));
    if (mask & wire::set_uid) attr.uid = wanted.uid;
    if (mask & wire::set_gid) attr.gid = wanted.gid;
    if (mask & wire::set_flags) attr.flags = wanted.flags;
    if (mask & wire::set_size) {
        TRY(drop_capability(tx, *inode));
        TRY(resize(tx, *inode, wanted.size));
        attr.mtime = request.now;
    }
    if (mask & wire::set_atime) attr.atime = wanted.atime;
    if (mask & wire::set_mtime) attr.mtime = wanted.mtime;
    attr.ctime = mask & wire::set_ctime ? wanted.ctime : request.now;
    tx.changed(*inode);
    return entry_of(tx.st(), *inode, true);
}

}  // namespace flexfs::meta
