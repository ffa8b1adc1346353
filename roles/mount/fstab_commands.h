// `flexfs mount init fstab` and `deinit fstab`.
#pragma once

#include <string>
#include <vector>

#include "lib/cli/program.h"
#include "lib/options/options.h"

namespace flexfs::mount {

using options::MountOptions;

inline constexpr const char* system_fstab = "/etc/fstab";

struct FstabCommand {
    std::string file = system_fstab;
    std::string options;
    bool now = false;
    bool force = false;
};

// Returns the commands of a program called as `program`. The arguments must outlive them.
std::vector<cli::Verb> fstab_verbs(FstabCommand& command, MountOptions& options,
                                   const std::string& program);

}  // namespace flexfs::mount
