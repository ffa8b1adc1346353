// mount -o remount: the kernel changes ro and rw, noExec, noSUID, noDev and access times of a
// running mount, and its process is told the access times. No other option can change; mount(8)
// repeats the options of fstab, so options that the mount already has are accepted.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace flexfs::mount {

// The origin of the options of a remount.
enum class Given {
    by_user,    // options that are not named stay
    by_mount8,  // a complete list: mount(8) has added those of the mount or of fstab
};

// Returns the MS_* flags for mount(2), from the options that the mount has, as the kernel shows
// them, and the wanted ones, which check_remount_list() accepts.
unsigned long remount_flags(std::string_view current, std::string_view wanted, Given given);

// Returns the options in the list about access times: "noatime,nodiratime".
std::string access_times_in(std::string_view options);

// Returns the options in the list that only an unmount and a new mount can change.
std::string fixed_in(std::string_view options);

// EINVAL: nothing is mounted on `dir`, or an option differs that cannot change, and then nothing
// has changed; EBUSY: read-only was asked for while files are open for writing; EPERM; ETIMEDOUT,
// ENOENT: the process of the mount cannot be reached.
Result<void> remount(const std::string& dir, std::string_view wanted, Given given);

}  // namespace flexfs::mount
