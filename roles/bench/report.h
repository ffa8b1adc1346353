// The results, for people and for programs.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "lib/cli/table.h"
#include "roles/bench/workers.h"

namespace flexfs::bench {

// The measurement in the middle when sorted by rate (of two, the slower). Not empty.
const Measured& median(std::vector<Measured>& runs);

// One row for each phase and number of threads: the median of its runs, in the order of the first.
cli::Table summary(std::span<const Measured> all);

}  // namespace flexfs::bench
