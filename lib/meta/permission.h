// Permission. An inode's flags hold for everybody. Modes and ACLs are asked for callers whom nobody
// has checked: root, in a session that squashes it. All others were checked by their kernel, which
// lets root pass.
#pragma once

#include "lib/meta/acl.h"
#include "lib/meta/state.h"

namespace flexfs::meta {

class Caller {
public:
    Caller(Statements& st, const Sessions& sessions, SessionId session, const wire::Who& who);

    // As whom it acts.
    const wire::Who& who() const { return who_; }
    bool is_squashed() const { return squashed_; }

    // By modes and ACLs: all of `access` (wire::AccessMask). EACCES.
    Result<void> may(const Inode& inode, std::uint32_t access) const;

    // Each of these asks the flags first. EPERM.
    // Give the directory a name. EACCES.
    Result<void> may_add(const Inode& directory) const;
    // The same for a new inode. EPERM: a device.
    Result<void> may_make(const Inode& directory, std::uint32_t mode) const;
    // The same for `inode`. EACCES.
    Result<void> may_link(const Inode& directory, const Inode& inode) const;
    // Take the directory's name for `inode` away. EACCES, EPERM (sticky).
    Result<void> may_remove(const Inode& directory, const Inode& inode) const;
    // Set what `mask` (wire::SetMask) names. EPERM, EACCES.
    Result<void> may_set(const Inode& inode, std::uint32_t mask, const wire::Attr& wanted) const;
    // Set it. EPERM, EACCES.
    Result<void> may_set_xattr(const Inode& inode, std::string_view name) const;
    // EPERM, EACCES.
    Result<void> may_remove_xattr(const Inode& inode, std::string_view name) const;
    // Its owner or root, whose chown(2) to nobody and no group takes setuid and setgid away.
    bool may_disown(const Inode& inode) const;

    // The mode, without setgid where the caller is no member of the inode's group.
    std::uint32_t without_foreign_setgid(std::uint32_t mode, const Inode& inode) const;

private:
    Result<void> owns(const Inode& inode) const;
    Result<std::uint32_t> permissions(const Inode& inode, std::uint32_t wanted) const;

    Statements& st_;
    wire::Who who_;
    bool squashed_ = false;
};

}  // namespace flexfs::meta
