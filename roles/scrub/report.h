// The result of a scrub, for people and for programs.
#pragma once

#include <string>

#include "lib/base/json.h"
#include "lib/wire/control.h"

namespace flexfs::scrub {

// Returns a table of the damage, if there is any, and a line with the sums.
std::string report(const wire::ScrubState& state);
Json to_json(const wire::ScrubState& state);

}  // namespace flexfs::scrub
