// Mounts that run, as commands find them: by this user's locks, and by the mount table.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/process/mount_table.h"

namespace flexfs::mount {

// The name under which presence_of() finds this role's processes.
inline constexpr const char* role_name = "mount";

inline constexpr std::string_view filesystem_type = "fuse.flexfs";

// The mount points of this user's mounts, running or dead, in order.
std::vector<std::string> own_mounts();

// A mount whose process runs with another FLEXFS_HOME, and has its lock and its socket there. It is
// found by the lock of its volume.
struct OtherHome {
    std::string lock;
    pid_t pid = 0;
};
// Nothing: no flexfs is mounted there, or this user may not look at its volume.
std::optional<OtherHome> of_another_home(const std::string& folder);

// True if a flexfs is mounted there whose process is gone. One that only hangs is not waited for.
bool is_dead(const std::string& folder);

// The reason why the mount on `folder` is not among this user's, a sentence: ENOENT, EINVAL,
// ENOTCONN (its process is gone), EACCES.
std::unexpected<Error> not_ours(const std::string& folder);

// A mount that could not go on without the mount on `folder`.
struct Dependent {
    std::string path;       // its mount point; empty: there is none
    bool is_below = false;  // it is mounted inside the folder; else its volume is kept there
};
Dependent find_dependent(std::span<const process::MountEntry> table, const std::string& folder);

// `flexfs mount status` of the mount on `folder`, or of all of this user's if it is empty. The exit
// code: 1 if the mount on `folder` is dead, too.
int show_status(const std::string& folder, bool json);

// `flexfs mount restart`: returns when the next process image serves.
Result<void> restart_mount(const std::string& folder);

// `flexfs mount stop`: unmounts, and returns when everything is stored. `force`: cuts off programs
// that use the mount. EBUSY: it is in use, or another mount depends on it, or it goes on in another
// mount namespace; EIO: something could not be stored; and those of not_ours().
Result<void> stop_mount(const std::string& folder, bool force);

}  // namespace flexfs::mount
