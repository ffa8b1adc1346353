// Installs a binary and its names in folders; repeating it changes nothing.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace flexfs::install {

struct Plan {
    std::string binary;  // the running program
    std::string prefix;  // gets `flexfs` and one ROLE.flexfs for each role
    std::string sbin;    // gets `mount.flexfs`; empty: nothing goes there
    std::vector<std::string_view> roles;
};

// Installs, and adds a line to `done` for each file, also if it ends with an error. The binary is
// copied unless `prefix` has it already; the copy replaces an older one in one step, so running
// programs keep theirs. EEXIST: something that is not flexfs has one of the names; EACCES, EROFS,
// ENOSPC, ENOTDIR, … with the path.
Result<void> place(const Plan& plan, std::vector<std::string>& done);

}  // namespace flexfs::install
