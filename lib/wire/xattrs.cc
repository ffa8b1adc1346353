#include "lib/wire/xattrs.h"

#include <cerrno>

#include "lib/wire/types.h"

namespace flexfs::wire {
namespace {

constexpr std::string_view namespaces[] = {"user.", "trusted.", "security."};

}  // namespace

Result<void> check_xattr_name(std::string_view name) {
    if (name.empty() || name.size() > xattr_name_bytes_max) return fail(ERANGE);
    if (name.find('\0') != name.npos) return fail(EINVAL);
    if (is_acl_name(name)) return {};
    for (std::string_view prefix : namespaces)
        if (name.starts_with(prefix))
            return name.size() > prefix.size() ? Result<void>() : fail(EINVAL);
    return fail(EOPNOTSUPP);
}

}  // namespace flexfs::wire
