#include "lib/meta/permission.h"

#include <sys/stat.h>

#include <cerrno>

#include "lib/meta/flags.h"
#include "lib/wire/privileges.h"

namespace flexfs::meta {
namespace {

constexpr std::uint32_t change_names = wire::access_write | wire::access_execute;

}  // namespace

Caller::Caller(Statements& st, const Sessions& sessions, SessionId session, const wire::Who& who)
    : st_(st), who_(who) {
    const auto found = sessions.open.find(session);
    if (found == sessions.open.end()) return;
    const wire::Squash& squash = found->second.squash;
    squashed_ = squash.applies_to(who);
    if (squashed_) who_ = {squash.uid, squash.gid};
}

// Returns those of the `wanted` permissions that the caller has.
Result<std::uint32_t> Caller::permissions(const Inode& inode, std::uint32_t wanted) const {
    const std::uint32_t mode = inode.attr.mode;
    if (who_.uid == inode.attr.uid) return mode >> 6 & wanted;
    TRY(const std::optional<Acl> acl, load_acl(st_, inode, acl_access_name));
    if (acl) return acl->permissions_of(who_, inode.attr.gid, wanted);
    return (who_.gid == inode.attr.gid ? mode >> 3 : mode) & wanted;
}

Result<void> Caller::may(const Inode& inode, std::uint32_t access) const {
    if (!squashed_) return {};
    TRY(const std::uint32_t has, permissions(inode, access));
    return has == access ? Result<void>() : fail(EACCES);
}

Result<void> Caller::owns(const Inode& inode) const {
    return who_.uid == inode.attr.uid ? Result<void>() : fail(EPERM);
}

Result<void> Caller::may_add(const Inode& directory) const {
    TRY(flags_let_add(directory));
    return may(directory, change_names);
}

Result<void> Caller::may_make(const Inode& directory, std::uint32_t mode) const {
    TRY(may_add(directory));
    if (squashed_ && (S_ISCHR(mode) || S_ISBLK(mode))) return fail(EPERM);
    return {};
}

Result<void> Caller::may_link(const Inode& directory, const Inode& inode) const {
    TRY(may_add(directory));
    return flags_let_link(inode);
}

Result<void> Caller::may_remove(const Inode& directory, const Inode& inode) const {
    TRY(flags_let_remove(directory, inode));
    TRY(may(directory, change_names));
    if (!squashed_ || !(directory.attr.mode & S_ISVTX)) return {};
    if (who_.uid == directory.attr.uid) return {};
    return owns(inode);
}

Result<void> Caller::may_set(const Inode& inode, std::uint32_t mask,
                             const wire::Attr& wanted) const {
    TRY(flags_let_set(inode, mask));
    if (!squashed_) return {};
    const wire::Attr& attr = inode.attr;
    if (mask & (wire::set_mode | wire::set_flags)) TRY(owns(inode));
    constexpr std::uint32_t reserved = wire::flag_immutable | wire::flag_append;
    if ((mask & wire::set_flags) && ((attr.flags ^ wanted.flags) & reserved)) return fail(EPERM);
    if ((mask & wire::set_uid) && (wanted.uid != attr.uid || who_.uid != attr.uid))
        return fail(EPERM);
    if (mask & wire::set_gid) {
        TRY(owns(inode));
        if (wanted.gid != attr.gid && wanted.gid != who_.gid) return fail(EPERM);
    }
    const bool cut = mask & wire::set_size;  // changes the times, too
    const bool times = !cut && (mask & (wire::set_atime | wire::set_mtime)) && !owns(inode);
    if (times && !(mask & wire::set_touch)) return fail(EPERM);
    return times || (cut && !(mask & wire::set_open)) ? may(inode, wire::access_write)
                                                      : Result<void>();
}

Result<void> Caller::may_set_xattr(const Inode& inode, std::string_view name) const {
    TRY(flags_let_set_xattr(inode));
    if (!squashed_) return {};
    if (name.starts_with("system.")) return owns(inode);
    if (!name.starts_with("user.")) return fail(EPERM);
    if (inode.is_directory() && (inode.attr.mode & S_ISVTX)) TRY(owns(inode));
    return may(inode, wire::access_write);
}

// Linux removes the capabilities of a file before a write, on behalf of the writer.
Result<void> Caller::may_remove_xattr(const Inode& inode, std::string_view name) const {
    if (name != wire::capability_name || !inode.is_file()) return may_set_xattr(inode, name);
    TRY(flags_let_set(inode, wire::set_kill_privileges));
    return squashed_ ? may(inode, wire::access_write) : Result<void>();
}

bool Caller::may_disown(const Inode& inode) const {
    return who_.uid == 0 || owns(inode);
}

std::uint32_t Caller::without_foreign_setgid(std::uint32_t mode, const Inode& inode) const {
    if (!squashed_ || who_.gid == inode.attr.gid) return mode;
    return mode & ~std::uint32_t{S_ISGID};
}

}  // namespace flexfs::meta
