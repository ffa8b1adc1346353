// Puts a binary and its names into folders; doing it again changes nothing.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace flexfs::install {

struct Plan {
    std::string binary;  // the program that runs
    std::string prefix;  // gets `flexfs` and one ROLE.flexfs for each role
    std::string sbin;    // gets `mount.flexfs`; empty: nothing goes there
    std::vector<std::string_view> roles;
};

// Adds what was done to `done`, a line for each file, also where it ends with an error. The binary
// is copied unless `prefix` has it already; the copy replaces an older one in one step, so running
// programs keep theirs. EEXIST: a name is taken by something that is not ours; EACCES, EROFS,
// ENOSPC, ENOTDIR, … with the path.
Result<void> place(const Plan& plan, std::vector<std::string>& done);

}  // namespace flexfs::install
