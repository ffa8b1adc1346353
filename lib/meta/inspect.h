// Looks at a whole database: for tests and for people. Slow, and never on a hot path.
#pragma once

#include <string>
#include <vector>

#include "lib/meta/state.h"

namespace flexfs::meta {

// As Volume says of each.
Result<std::string> dump(State& state);
Result<std::vector<std::string>> verify(State& state);
Result<std::vector<std::string>> scans(State& state);

}  // namespace flexfs::meta
