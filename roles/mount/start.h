// Serving a mount point, from the command's start to the daemon's end.
#pragma once

#include "roles/mount/options.h"

namespace flexfs::mount {

// `flexfs mount start`. The exit code: 0 once the mount answers (in the foreground: once it has
// ended), 1 with a sentence on standard error.
int run_mount(const MountOptions& options);

// What run_mount() would refuse now of the volume and the options, whatever is mounted and in use;
// a volume that does not exist yet is none of it, nor a folder that one is in. Changes nothing.
Result<void> check_mount(const MountOptions& options);

// `flexfs mount status`: of the mount on `folder`, or of all of this user's where it is empty.
int show_status(const std::string& folder, bool json);

// `flexfs mount restart`: replaces the process image of the mount by the program at its path now;
// the mount and all that is open in it stay. Returns when the next image serves.
int restart_mount(const std::string& folder);

// `flexfs mount stop`: unmounts and waits until everything is written. `force`: also where files
// are open.
int stop_mount(const std::string& folder, bool force);

}  // namespace flexfs::mount
