// Serving a mount point, from the checks of the command line to the end of the daemon.
#pragma once

#include "lib/options/options.h"

namespace flexfs::mount {

using options::MountOptions;

// `flexfs mount start`, after finish(). Ends once the mount answers; in the foreground, once it has
// ended. Every error is a sentence.
Result<void> run_mount(MountOptions options);

// The errors that run_mount() would find now in the volume and the options, whatever is mounted and
// in use. A volume that does not exist yet is no error, nor is a missing folder above it. Changes
// nothing.
Result<void> check_mount(const MountOptions& options);

}  // namespace flexfs::mount
