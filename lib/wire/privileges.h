// The privileges that a file loses when its content or owner changes, so that it does not lend its
// owner's rights to other content. The service removes them; a client shows the loss as soon as it
// has accepted a write, before the service knows of it.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string_view>

namespace flexfs::wire {

// File capabilities, as an extended attribute.
inline constexpr std::string_view capability_name = "security.capability";

// Clears setuid and setgid. A setgid bit without group execution lends no rights (it once meant
// mandatory locking), and Linux keeps it if a member of the file's group, or a caller with
// CAP_FSETID, makes the change: `setgid_too` means that the caller is neither
// (setattr_should_drop_sgid in fs/attr.c).
constexpr std::uint32_t without_privileges(std::uint32_t mode, bool setgid_too = false) {
    const std::uint32_t setgid = setgid_too || (mode & S_IXGRP) ? S_ISGID : 0;
    return mode & ~(std::uint32_t{S_ISUID} | setgid);
}

}  // namespace flexfs::wire
