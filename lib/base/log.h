// The process's log: lines with time and level, to standard error or a file. Programs log; library
// code returns. A fault is logged once, where a subsystem turns it into EIO.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/format.h"
#include "lib/base/result.h"

namespace flexfs::log {

enum class Level { debug, info, warn, error };

void set_level(Level level);
bool enabled(Level level);
// Appends to `path` from now on; `rotate()` opens the file again. EACCES, ENOENT, … from the open.
Result<void> to_file(const std::string& path);
// Opens the log file again after it was moved away.
void rotate();
void write(Level level, std::string_view line);

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::debug))
        write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::info)) write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::warn, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}

// Logs the failure of work that nobody waits for, unless it was cancelled.
void background_failure(std::string_view doing, const Error& why);

}  // namespace flexfs::log
