// check(condition) aborts if the condition is false, which is a bug, in release builds too. It
// prints the place and a backtrace.
#pragma once

#include <source_location>

namespace flexfs {

[[noreturn]] void check_failed(std::source_location where);

inline void check(bool condition, std::source_location where = std::source_location::current()) {
    if (!condition) [[unlikely]]
        check_failed(where);
}

}  // namespace flexfs
