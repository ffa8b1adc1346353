// What the flags of an inode (wire::InodeFlag) forbid, as Linux's VFS and ext4 do. Of data that is
// committed they forbid nothing: it was written before the flag was set, or by who may write; the
// client asks at open(2) and write(2).
#pragma once

#include "lib/meta/rows.h"

namespace flexfs::meta {

// Every one of them: EPERM where the flags forbid it.
// A name may come into the folder.
Result<void> may_add(const Inode& folder);
// The name of `inode` in the folder may go, or lead elsewhere.
Result<void> may_remove(const Inode& folder, const Inode& inode);
// It may get one more name.
Result<void> may_link(const Inode& inode);
// Its extended attributes may change.
Result<void> may_change_xattrs(const Inode& inode);
// What SetAttr names by `mask` may change; its flags always may.
Result<void> may_set(const Inode& inode, std::uint32_t mask);
// fallocate(2) of `mode` may change it; 0 is also for what else writes to it.
Result<void> may_allocate(const Inode& inode, std::uint32_t mode);

// EOPNOTSUPP: there are other flags than ours.
Result<void> check_flags(std::uint32_t flags);
// What a new inode in the folder begins with.
std::uint32_t inherited_flags(const Inode& folder);

}  // namespace flexfs::meta
