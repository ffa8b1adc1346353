// mount -o remount: what the kernel can change about a mount that runs. The process behind it goes
// on as it was started.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace flexfs::mount {

// The MS_* flags for mount(2) that a mount gets by the options: first those it has, as
// /proc/self/mountinfo lists them, then those of -o. Other options change nothing.
unsigned long remount_flags(std::string_view current, std::string_view wanted);

// EINVAL: nothing is mounted on `dir`; EBUSY: read-only, while files are open for writing; EPERM.
Result<void> remount(const std::string& dir, std::string_view wanted);

}  // namespace flexfs::mount
