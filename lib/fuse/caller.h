// Facts about the process behind a request that the kernel does not send along, from /proc.
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
// The content of /proc/TID/status; nothing where it lacks one of the lines.
std::optional<Caller> parse_caller(std::string_view status);

// Whether a change by the caller clears the setuid and setgid bits of the inode. A caller that
// cannot be looked at (it is in another pid namespace) is root or has no privileges, and is in no
// group but the one that the request names.
Task<vfs::Kill> kills(Server& server, const Request& request, wire::Ino ino);
// The same for a request that says by itself that it clears them, of its own inode: only the group
// is looked at.
Task<vfs::Kill> kills_by_word(Server& server, const Request& request);

// Whether the caller is in one of the removexattr(2) calls. The kernel sends the same request
// before a write and before a chown(2).
bool is_removing_xattr(const Request& request);

}  // namespace flexfs::fuse
