// Watches how long data waits to be stored. Data that waits for longer than the bound is counted
// and logged; the log gets at most one line a minute.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/time.h"

namespace flexfs::vfs {

class AgeWatch {
public:
    explicit AgeWatch(Duration bound) : bound_(bound) {}

    struct Unstored {
        Duration age{};  // of the oldest data; zero: everything is stored
        std::uint64_t bytes = 0;
        std::string trouble;  // why it cannot be written back; empty: it is being written
    };
    // Call it regularly while data waits, with the monotonic clock. Returns the line to log; empty:
    // none is due.
    std::string look(const Unstored& unstored, Duration now);

    Duration bound() const { return bound_; }
    // Returns how often data has begun to wait for longer than the bound.
    std::uint64_t count() const { return count_; }

private:
    Duration bound_;
    bool late_ = false;
    std::uint64_t count_ = 0;
    std::uint64_t logged_ = 0;  // the count when the last line was logged
    Duration next_line_{};
};

}  // namespace flexfs::vfs
