// Parses the words of a command line by the rows of one verb. The gate for CLI11.
#pragma once

#include <span>
#include <string>

#include "lib/base/result.h"
#include "lib/cli/program.h"

namespace flexfs::cli {

enum class Parsed { run, help };

// Sets flags in the order given, then arguments. EINVAL with a sentence: an unknown flag (and the
// nearest one), a missing or wrong value, too few or too many arguments; values before the mistake
// are set.
Result<Parsed> parse(const Verb& verb, std::span<const std::string> args);

}  // namespace flexfs::cli
