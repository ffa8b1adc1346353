// Access control lists of POSIX.1e (draft 17), as Linux keeps and applies them.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "lib/meta/rows.h"
#include "lib/wire/acl.h"
#include "lib/wire/xattrs.h"

namespace flexfs::meta {

using wire::acl_access_name;
using wire::acl_default_name;
using wire::AclEntry;
using wire::AclTag;

// A valid list: owner, users, group_owner, groups, mask (needed with users or groups), other.
struct Acl {
    std::vector<AclEntry> entries;

    // The nine bits of the mode that go with it: the group's are the mask, where there is one.
    std::uint32_t permissions() const;
    // Whether a mode can say the same.
    bool is_only_mode() const;
    // What of `wanted` somebody has who is not the owner of the inode, whose group is `group`.
    std::uint32_t permissions_of(const wire::Who& who, std::uint32_t group,
                                 std::uint32_t wanted) const;
    // What chmod does: owner, other, and mask or else group_owner.
    void chmod(std::uint32_t mode);
    // Makes a default ACL the access ACL of a new inode that was to get `mode`; returns the mode
    // that it gets.
    std::uint32_t inherit(std::uint32_t mode);
};

// The value of the extended attribute. EINVAL: it is not one, or not valid. EOPNOTSUPP: of another
// version. A list without entries is valid, and means none.
Result<Acl> decode_acl(ByteView value);
Buffer encode_acl(const Acl& acl);

// Nothing: the inode has none of that name. EIO: it is damaged.
Result<std::optional<Acl>> load_acl(Statements& st, const Inode& inode, std::string_view name);

}  // namespace flexfs::meta
