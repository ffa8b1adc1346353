// The progress of long work: a bar with rate and time left on a terminal, a line every few seconds
// elsewhere.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "lib/base/time.h"

namespace flexfs::cli {

// The stream on which progress is shown.
struct Screen {
    std::FILE* stream = nullptr;  // null: progress is not shown
    bool terminal = false;
    int columns = 80;

    static Screen standard_error();
};

enum class Unit { count, bytes };

class Progress {
public:
    // `total` is 0 if it is unknown. `now` is the monotonic clock, here and below.
    Progress(Screen screen, std::string label, std::uint64_t total, Unit unit, Duration now);
    ~Progress();  // removes the bar
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    // Reports that `done` of the total is done. Draws at most ten times a second on a terminal, and
    // every five seconds elsewhere; other calls are cheap.
    void update(std::uint64_t done, Duration now);
    // Prints the line, in the place of the bar if there is one.
    void print(const std::string& line);

private:
    std::string state(std::uint64_t done, Duration elapsed) const;
    std::string bar(std::uint64_t done, std::string_view state) const;

    Screen screen_;
    std::string label_;
    std::uint64_t total_;
    Unit unit_;
    Duration start_;
    Duration last_;
    bool drawn_ = false;
};

// Returns "443.1 MiB/s" or "12.3 k/s".
std::string format_rate(double per_second, Unit unit);

}  // namespace flexfs::cli
