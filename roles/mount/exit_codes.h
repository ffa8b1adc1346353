// The exit codes of mount.flexfs, as mount(8) documents them.
#pragma once

#include "lib/base/result.h"

namespace flexfs::mount {

enum Mount8Code : int {
    mount8_success = 0,
    mount8_usage = 1,        // incorrect invocation or permissions
    mount8_system = 2,       // out of memory, cannot fork
    mount8_bug = 4,          // internal bug
    mount8_interrupted = 8,  // by the user
    mount8_failure = 32,
};

Mount8Code mount8_code(const Result<void>& outcome);

}  // namespace flexfs::mount
