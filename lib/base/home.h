// The folder in which flexfs keeps what belongs to a user: credentials, logs, locks of running
// mounts.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace flexfs {

// Returns $FLEXFS_HOME, or ~/.flexfs; without $HOME the password database names the home directory.
std::string flexfs_home();

// Makes flexfs_home() absolute for this process and its later images. Call it before the process
// leaves the working directory in which it was started.
void settle_flexfs_home();

// Makes the folder and missing folders above it, with mode 0700. EACCES, ENOTDIR, ENOSPC, …
Result<void> make_private_folder(const std::string& path);

}  // namespace flexfs
