// Checks which changes the flags of an inode (wire::InodeFlag) forbid, as in Linux's VFS and ext4.
// They do not forbid commits of data: the data was written before the flag was set, or through a
// descriptor that may write; the client checks at open(2) and write(2).
#pragma once

#include "lib/meta/rows.h"

namespace flexfs::meta {

// Each function returns EPERM if the flags forbid the change. Caller (permission.h) checks all of
// them except the last, because a change of data comes through an open file.
//
// Adds a name to the directory.
Result<void> flags_let_add(const Inode& folder);
// Removes or replaces the directory's name for `inode`.
Result<void> flags_let_remove(const Inode& folder, const Inode& inode);
// Adds a name for the inode.
Result<void> flags_let_link(const Inode& inode);
// Changes the inode's extended attributes.
Result<void> flags_let_set_xattr(const Inode& inode);
// Changes the attributes that `mask` names; changes of the flags themselves are always allowed.
Result<void> flags_let_set(const Inode& inode, std::uint32_t mask);
// Calls fallocate(2) with `mode`; other writes count as mode 0.
Result<void> flags_let_allocate(const Inode& inode, std::uint32_t mode);

// EOPNOTSUPP: `flags` has bits that are not InodeFlags.
Result<void> check_flags(std::uint32_t flags);
// Returns the flags that a new inode inherits from its directory.
std::uint32_t inherited_flags(const Inode& folder);

}  // namespace flexfs::meta
