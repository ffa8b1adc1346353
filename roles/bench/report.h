// The results, for people and for programs.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "lib/cli/table.h"
#include "roles/bench/workers.h"

namespace flexfs::bench {

// Returns the measurement with the median rate (of two in the middle, the slower). `runs` is not
// empty.
const Measured& median(std::vector<Measured>& runs);

// Returns one row for each phase and number of threads: the median of its runs. Rows are in the
// order of first occurrence.
cli::Table summary(std::span<const Measured> all);

}  // namespace flexfs::bench
