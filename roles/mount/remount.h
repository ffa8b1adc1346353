// mount -o remount: the kernel changes ro and rw, noExec, noSUID, noDev and access times of a mount
// that runs, and the process behind it learns of the last. No other option can change; mount(8)
// repeats what fstab has, so those that the mount has already are accepted.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace flexfs::mount {

// The origin of the options of a remount.
enum class Given {
    by_user,    // what is not named stays
    by_mount8,  // a complete list: mount(8) has put in what the mount has, or what fstab has
};

// The MS_* flags for mount(2), from the options that the mount has, as the kernel shows them, and
// those that are wanted, which check_remount_list() accepts.
unsigned long remount_flags(std::string_view current, std::string_view wanted, Given given);

// The options of the list that concern access times: "noatime,nodiratime".
std::string access_times_in(std::string_view options);

// The options of the list that only an unmount and a new mount can change.
std::string fixed_in(std::string_view options);

// EINVAL: nothing is mounted on `dir`, or an option is different that cannot change, and then
// nothing has changed; EBUSY: read-only, while files are open for writing; EPERM; ETIMEDOUT,
// ENOENT: the process behind the mount cannot be asked.
Result<void> remount(const std::string& dir, std::string_view wanted, Given given);

}  // namespace flexfs::mount
