// Checks which changes the flags of an inode (wire::InodeFlag) forbid, as in Linux's VFS and ext4.
// They do not forbid commits of data: the data was written before the flag was set, or through a
// descriptor that may write; the client checks at open(2) and write(2).
#pragma once

#include "lib/meta/rows.h"

namespace flexfs::meta {

// Each function checks one kind of change and returns EPERM if the flags forbid it. Caller
// (permission.h) calls all of them except the last, because a change of data comes through an open
// file.
//
// Checks whether a name may be added to the directory.
Result<void> flags_let_add(const Inode& folder);
// Checks whether the directory's name for `inode` may be removed or replaced.
Result<void> flags_let_remove(const Inode& folder, const Inode& inode);
// Checks whether the inode may get another name.
Result<void> flags_let_link(const Inode& inode);
// Checks whether the inode's extended attributes may change.
Result<void> flags_let_set_xattr(const Inode& inode);
// Checks whether the attributes that `mask` names may change; changes of the flags themselves are
// always allowed.
Result<void> flags_let_set(const Inode& inode, std::uint32_t mask);
// Checks whether fallocate(2) with `mode` may change the file; other writes count as mode 0.
Result<void> flags_let_allocate(const Inode& inode, std::uint32_t mode);

// EOPNOTSUPP: `flags` has bits that are not InodeFlags.
Result<void> check_flags(std::uint32_t flags);
// Returns the flags that a new inode inherits from its directory.
std::uint32_t inherited_flags(const Inode& folder);

}  // namespace flexfs::meta
