// check(condition): a bug if false. Prints where, a backtrace, and aborts, in release builds too.
#pragma once

#include <source_location>

namespace flexfs {

[[noreturn]] void check_failed(std::source_location where);

inline void check(bool condition, std::source_location where = std::source_location::current()) {
    if (!condition) [[unlikely]]
        check_failed(where);
}

}  // namespace flexfs
