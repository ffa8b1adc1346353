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

    // Returns the nine permission bits of the mode: the group's are the mask, if there is one.
    std::uint32_t permissions() const;
    // Whether a mode alone expresses the same.
    bool is_only_mode() const;
    // Returns those of the `wanted` permissions that a caller has who does not own the inode;
    // `group` is the inode's group.
    std::uint32_t permissions_of(const wire::Who& who, std::uint32_t group,
                                 std::uint32_t wanted) const;
    // Applies chmod(2): changes owner, other, and mask or, without one, group_owner.
    void chmod(std::uint32_t mode);
    // Turns a default ACL into the access ACL of a new inode that was requested with `mode`;
    // returns the mode that the inode gets.
    std::uint32_t inherit(std::uint32_t mode);
};

// Decodes the value of the extended attribute. EINVAL: the value is not a valid list. EOPNOTSUPP:
// it has another version. A list without entries is valid and stands for no ACL.
Result<Acl> decode_acl(ByteView value);
Buffer encode_acl(const Acl& acl);

// Empty optional: the inode has no ACL of that name. EIO: it is damaged.
Result<std::optional<Acl>> load_acl(Statements& st, const Inode& inode, std::string_view name);

}  // namespace flexfs::meta
