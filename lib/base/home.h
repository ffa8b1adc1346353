// Where flexfs keeps what belongs to a user: credentials, logs, locks of running mounts.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace flexfs {

// $FLEXFS_HOME, or ~/.flexfs; without $HOME the password database says where ~ is.
std::string flexfs_home();

// Makes it absolute, for this process and those it becomes: before it leaves the folder that it was
// started in.
void settle_flexfs_home();

// Makes the folder and those above it, for this user alone (0700). EACCES, ENOTDIR, ENOSPC, …
Result<void> make_private_folder(const std::string& path);

}  // namespace flexfs
