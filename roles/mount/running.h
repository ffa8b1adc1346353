// Running mounts as commands find them: by this user's locks, and in the mount table.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/base/json.h"
#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/fuse/mountpoint.h"
#include "lib/process/mount_table.h"

namespace flexfs::mount {

// presence_of() finds this role's processes by this name.
inline constexpr const char* role_name = "mount";

using fuse::filesystem_type;

// Returns the mount points of this user's mounts, running or dead, in order.
std::vector<std::string> own_mounts();

// A mount whose process runs with another FLEXFS_HOME, where its lock and its socket are. The lock
// of its volume leads to it.
struct OtherHome {
    std::string lock;
    pid_t pid = 0;
};
// Returns nothing if no flexfs is mounted there, or this user has no access to its volume.
std::optional<OtherHome> of_another_home(const std::string& folder);

// Returns true if a flexfs is mounted there whose process is gone. Does not wait for one that
// hangs.
bool is_dead(const std::string& folder);

// Returns the reason why the mount on `folder` is not among this user's, as a sentence: ENOENT,
// EINVAL, ENOTCONN (its process is gone), EACCES.
std::unexpected<Error> not_ours(const std::string& folder);

// A mount that depends on the mount on `folder`.
struct Dependent {
    enum class How {
        below,  // it is mounted inside the folder
        bound,  // it shows the same filesystem in another place (mount --bind)
        kept,   // its volume is kept inside the folder
    };
    std::string path;  // its mount point; empty: there is none
    How how = How::below;
};
Dependent find_dependent(std::span<const process::MountEntry> table, const std::string& folder);

// `flexfs mount status` of the mount on `folder`, or of all of this user's if it is empty. Returns
// the exit code, which is 1 also if the mount on `folder` is dead.
int show_status(const std::string& folder, bool json);

// `flexfs mount restart`: returns when the next process image serves.
Result<void> restart_mount(const std::string& folder);

// `flexfs mount sync`: returns when everything that was written before is stored, durably. Prints a
// result as JSON if `json` is set. Returns the exit code.
int sync_mount(const std::string& folder, Duration timeout, bool json);

// Asks the process of the mount on `folder` for its status. ENOTCONN: the mount is dead; the errors
// of not_ours(); EIO: it does not answer.
Result<Json> status_of(const std::string& folder);

// `flexfs mount stop`: unmounts, and returns when everything is stored. `force` cuts off programs
// that use the mount. EBUSY: it is in use, or another mount depends on it, or it is still mounted
// in another mount namespace; EIO: something could not be stored; and the errors of not_ours().
Result<void> stop_mount(const std::string& folder, bool force);

}  // namespace flexfs::mount
