// Permission checks. An inode's flags bind every caller. Modes and ACLs are checked only for root
// in a session that squashes it: the client's kernel has checked all other callers, but lets root
// pass.
#pragma once

#include "lib/meta/acl.h"
#include "lib/meta/state.h"

namespace flexfs::meta {

class Caller {
public:
    Caller(Statements& st, const Sessions& sessions, SessionId session, const wire::Who& who);

    // The identity that the caller acts with, after squashing.
    const wire::Who& who() const { return who_; }
    bool is_squashed() const { return squashed_; }

    // Returns EACCES unless modes and ACLs grant all of `access` (wire::AccessMask).
    Result<void> may(const Inode& inode, std::uint32_t access) const;

    // Each of these functions checks the flags first (EPERM), and then whether the caller may:
    // add a name to the directory (EACCES);
    Result<void> may_add(const Inode& directory) const;
    // the same for a new inode (EPERM: a device);
    Result<void> may_make(const Inode& directory, std::uint32_t mode) const;
    // the same for `inode` (EACCES);
    Result<void> may_link(const Inode& directory, const Inode& inode) const;
    // remove the directory's name for `inode` (EACCES, EPERM: sticky);
    Result<void> may_remove(const Inode& directory, const Inode& inode) const;
    // set the attributes that `mask` (wire::SetMask) names (EPERM, EACCES);
    Result<void> may_set(const Inode& inode, std::uint32_t mask, const wire::Attr& wanted) const;
    // set the extended attribute (EPERM, EACCES);
    Result<void> may_set_xattr(const Inode& inode, std::string_view name) const;
    // remove it (EPERM, EACCES).
    Result<void> may_remove_xattr(const Inode& inode, std::string_view name) const;
    // Whether a chown(2) by the caller that names neither owner nor group clears setuid and setgid:
    // the caller must be the owner or root.
    bool may_disown(const Inode& inode) const;

    // Returns the mode, without setgid if the caller is not in the inode's group.
    std::uint32_t without_foreign_setgid(std::uint32_t mode, const Inode& inode) const;

private:
    Result<void> owns(const Inode& inode) const;
    Result<std::uint32_t> permissions(const Inode& inode, std::uint32_t wanted) const;

    Statements& st_;
    wire::Who who_;
    bool squashed_ = false;
};

}  // namespace flexfs::meta
