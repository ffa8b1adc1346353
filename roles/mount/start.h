// Serves a mount point, from the checks of the command line to the end of the daemon.
#pragma once

#include "lib/options/options.h"

namespace flexfs::mount {

using options::MountOptions;

// `flexfs mount start`, after finish(). Returns when the mount answers, or in the foreground when
// it has ended. The text of every error is a sentence.
Result<void> run_mount(MountOptions options);

// Returns the errors that run_mount() would find now in the volume and the options; it ignores what
// is mounted and in use. A missing volume is no error, nor is a missing folder above it. Changes
// nothing.
Result<void> check_mount(const MountOptions& options);

}  // namespace flexfs::mount
