// Facts about the process behind a request that the kernel does not send, read from /proc.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "lib/fuse/server.h"

namespace flexfs::fuse {

struct Caller {
    std::vector<std::uint32_t> groups;  // supplementary ones
    bool keeps_bits = false;            // it has CAP_FSETID

    bool is_in(std::uint32_t gid) const;
};
// Parses /proc/TID/status; returns nothing if one of the lines is missing.
std::optional<Caller> parse_caller(std::string_view status);

// Returns whether a change by the caller clears the setuid and setgid bits of the inode. A caller
// that cannot be inspected (it is in another pid namespace) is root or has no privileges, and is in
// no group except the one that the request names.
Task<vfs::Kill> kills(Server& server, const Request& request, wire::Ino ino);
// As above for a request that itself says that it clears them, of its own inode: only the group is
// checked.
Task<vfs::Kill> kills_by_word(Server& server, const Request& request);

// Returns true if the caller is in one of the removexattr(2) calls. The kernel sends the same
// request before a write and before a chown(2).
bool is_removing_xattr(const Request& request);

}  // namespace flexfs::fuse
