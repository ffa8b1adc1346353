// The names of extended attributes: the namespaces user, trusted and security, and two ACLs.
#pragma once

#include <string_view>

#include "lib/base/result.h"

namespace flexfs::wire {

inline constexpr std::string_view acl_access_name = "system.posix_acl_access";
inline constexpr std::string_view acl_default_name = "system.posix_acl_default";

constexpr bool is_acl_name(std::string_view name) {
    return name == acl_access_name || name == acl_default_name;
}

// ERANGE: the name is empty or longer than xattr_name_bytes_max. EINVAL: it contains a NUL, or ends
// with the namespace. EOPNOTSUPP: another namespace.
Result<void> check_xattr_name(std::string_view name);

}  // namespace flexfs::wire
