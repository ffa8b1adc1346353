// The binary form of an access control list, as Linux programs set and get it in an extended
// attribute (linux/posix_acl_xattr.h, version 2). lib/meta interprets the entries.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/result.h"

namespace flexfs::wire {

// The numbers of linux/posix_acl.h; the entries of a list are in this order.
enum class AclTag : std::uint16_t {
    owner = 1,
    user = 2,
    group_owner = 4,
    group = 8,
    mask = 16,  // limits user, group_owner and group
    other = 32,
};

struct AclEntry {
    static constexpr std::uint32_t no_id = UINT32_MAX;

    AclTag tag{};
    std::uint32_t permissions = 0;  // r 4, w 2, x 1
    std::uint32_t id = 0;           // of a user or group; no_id in the other entries
    bool operator==(const AclEntry&) const = default;

    bool has_id() const { return tag == AclTag::user || tag == AclTag::group; }
};

// Does not check tags and permissions. EINVAL: malformed. EOPNOTSUPP: another version.
Result<std::vector<AclEntry>> decode_acl_entries(ByteView value);
Buffer encode_acl_entries(const std::vector<AclEntry>& entries);

}  // namespace flexfs::wire
