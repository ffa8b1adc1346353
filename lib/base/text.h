// Sizes, durations and numbers as people write and read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/base/time.h"

namespace flexfs {

// Reads bytes from "4MiB", "4Mi", "4M", "4096" (units are powers of 1024), or from "5%", a share of
// `whole`, if that is not 0. EINVAL with a sentence that quotes the text and describes a valid one.
Result<std::uint64_t> parse_size(std::string_view text, std::uint64_t whole = 0);

// Reads "7d", "12h", "30m", "45s", "200ms", "50us" or plain seconds; "-1" means for ever
// (Duration::max()). EINVAL as above.
Result<Duration> parse_duration(std::string_view text);

// Reads a whole decimal number. EINVAL if it is none or does not fit.
Result<std::uint64_t> parse_number(std::string_view text);

// Returns "4.0 MiB" or "17 B", with at most three digits before the unit.
std::string format_size(std::uint64_t bytes);
// Returns "1.5 s", "20 ms", "3h 5m".
std::string format_duration(Duration span);

// Reads RFC 3339: "2025-01-31T23:59:59Z" or with an offset such as +01:00, optionally with a
// fraction of a second. EINVAL as above.
Result<Time> parse_time(std::string_view text);
// Returns RFC 3339 in UTC, to the second.
std::string format_time(Time time);

// Writes each of `chars` and each backslash as its octal code (\012), and reads such text back, as
// fstab(5) and proc(5) do.
std::string escape_octal(std::string_view text, std::string_view chars);
std::string unescape_octal(std::string_view text);

}  // namespace flexfs
