// mount -o remount: what the kernel can change about a mount that runs, and what the process behind
// it is told: when access times move. Everything else stays, and is not refused: mount(8) adds all
// that fstab has. The lists are right (option_list.h).
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace flexfs::mount {

// The MS_* flags for mount(2) that a mount gets by the options: first those it has, as
// /proc/self/mountinfo lists them, then those of -o. Other options change nothing.
unsigned long remount_flags(std::string_view current, std::string_view wanted);

// What of the options the process must hear: "noatime,nodiratime"; empty: nothing.
std::string access_times_in(std::string_view options);

// What neither it nor the kernel can change.
std::string fixed_in(std::string_view options);

// Where options are given that take an unmount to change, one line on standard error names them.
// EINVAL: nothing is mounted on `dir`; EBUSY: read-only, while files are open for writing; EPERM;
// ETIMEDOUT: the process does not answer, or runs with another FLEXFS_HOME.
Result<void> remount(const std::string& dir, std::string_view wanted);

}  // namespace flexfs::mount
