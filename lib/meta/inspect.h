// Inspects a whole database, for tests and for people. Slow; never used on a hot path.
#pragma once

#include <string>
#include <vector>

#include "lib/meta/state.h"

namespace flexfs::meta {

// Each is documented at the function of Volume with the same name.
Result<std::string> dump(State& state);
Result<std::vector<std::string>> verify(State& state);
Result<std::vector<std::string>> scans(State& state);

}  // namespace flexfs::meta
