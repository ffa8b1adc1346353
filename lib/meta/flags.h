// The changes that the flags of an inode (wire::InodeFlag) forbid, as in Linux's VFS and ext4. They
// do not forbid commits of data: it was written before the flag was set, or through a descriptor
// that may write; the client checks at open(2) and write(2).
#pragma once

#include "lib/meta/rows.h"

namespace flexfs::meta {

// Each returns EPERM if the flags forbid the change. Caller (permission.h) checks all of them
// except the last, because a change of data comes through an open file. A name is added to the
// directory.
Result<void> flags_let_add(const Inode& folder);
// The directory's name for `inode` is removed or replaced.
Result<void> flags_let_remove(const Inode& folder, const Inode& inode);
// The inode gets one more name.
Result<void> flags_let_link(const Inode& inode);
// Its extended attributes change.
Result<void> flags_let_set_xattr(const Inode& inode);
// The attributes that `mask` names change; changes of the flags themselves are always allowed.
Result<void> flags_let_set(const Inode& inode, std::uint32_t mask);
// fallocate(2) with `mode` changes it; other writes count as mode 0.
Result<void> flags_let_allocate(const Inode& inode, std::uint32_t mode);

// EOPNOTSUPP: `flags` has bits that are not InodeFlags.
Result<void> check_flags(std::uint32_t flags);
// Returns the flags that a new inode inherits from its directory.
std::uint32_t inherited_flags(const Inode& folder);

}  // namespace flexfs::meta
