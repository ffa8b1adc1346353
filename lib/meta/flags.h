// What the flags of an inode (wire::InodeFlag) forbid, as Linux's VFS and ext4 do. Of data that is
// committed they forbid nothing: it was written before the flag was set, or by who may write; the
// client asks at open(2) and write(2).
#pragma once

#include "lib/meta/rows.h"

namespace flexfs::meta {

// Every one of them: EPERM where the flags forbid it. Caller (permission.h) asks them,
// but for the last: who changes data has the file open.
// A name comes into the folder.
Result<void> flags_let_add(const Inode& folder);
// The name of `inode` in the folder goes, or leads elsewhere.
Result<void> flags_let_remove(const Inode& folder, const Inode& inode);
// It gets one more name.
Result<void> flags_let_link(const Inode& inode);
// Its extended attributes change.
Result<void> flags_let_set_xattr(const Inode& inode);
// What SetAttr names by `mask` changes; its flags always may.
Result<void> flags_let_set(const Inode& inode, std::uint32_t mask);
// fallocate(2) of `mode` changes it; 0 is also for what else writes to it.
Result<void> flags_let_allocate(const Inode& inode, std::uint32_t mode);

// EOPNOTSUPP: there are other flags than ours.
Result<void> check_flags(std::uint32_t flags);
// What a new inode in the folder begins with.
std::uint32_t inherited_flags(const Inode& folder);

}  // namespace flexfs::meta
