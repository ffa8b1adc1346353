// Questions to the user of a terminal.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace flexfs::cli {

enum class Echo { shown, hidden };

// Prints the question on standard error and reads one line from standard input, without its end.
// A hidden answer is not shown while it is typed; without a terminal, nothing is printed and the
// line is read all the same. ENODATA: the input has ended; EINTR: interrupted.
Result<std::string> ask(const std::string& question, Echo echo);

}  // namespace flexfs::cli
