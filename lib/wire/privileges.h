// What a change of a file takes away from it, lest it lend its owner's rights to other contents.
// The service does so; a client shows it as soon as it has taken a write, before the service hears
// of it.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string_view>

namespace flexfs::wire {

// File capabilities, as an extended attribute.
inline constexpr std::string_view capability_name = "security.capability";

// Without group execution the setgid bit once meant mandatory locking, and lends nothing. Linux
// leaves it to the group's members, and since 6.2 takes it when others write; requests do not tell
// who is a member.
constexpr std::uint32_t without_privileges(std::uint32_t mode) {
    const std::uint32_t setgid = mode & S_IXGRP ? S_ISGID : 0;
    return mode & ~(std::uint32_t{S_ISUID} | setgid);
}

}  // namespace flexfs::wire
