// The folder in which flexfs keeps what belongs to a user: credentials, logs, locks of running
// mounts.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace flexfs {

// Returns $HOME; without it, the home directory that the password database names.
std::string home_folder();

// Returns $FLEXFS_HOME, or .flexfs in the home directory.
std::string flexfs_home();

// Makes flexfs_home() absolute for this process and its later images. Call it before the process
// leaves the working directory in which it was started.
void settle_flexfs_home();

// Makes the folder and missing folders above it, with mode 0700. EACCES, ENOTDIR, ENOSPC, …
Result<void> make_private_folder(const std::string& path);

}  // namespace flexfs
