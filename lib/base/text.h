// Sizes, durations and numbers as people write and read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/base/time.h"

namespace flexfs {

// Bytes from "4MiB", "4Mi", "4M", "4096" (all powers of 1024), or "5%" of `whole` when that is not
// 0. EINVAL with a sentence that quotes the text and says what would be right.
Result<std::uint64_t> parse_size(std::string_view text, std::uint64_t whole = 0);

// "7d", "12h", "30m", "45s", "200ms", "50us" or plain seconds; "-1" is forever (Duration::max()).
// EINVAL as above.
Result<Duration> parse_duration(std::string_view text);

// A whole decimal number; EINVAL when it is none or does not fit.
Result<std::uint64_t> parse_number(std::string_view text);

// "4.0 MiB", "17 B": for people, three digits at most before the unit.
std::string format_size(std::uint64_t bytes);
// "1.5 s", "20 ms", "3h 5m".
std::string format_duration(Duration span);

// "2025-01-31T23:59:59Z" or with an offset such as +01:00, optionally with a fraction of a second
// (RFC 3339); EINVAL as above.
Result<Time> parse_time(std::string_view text);
// As RFC 3339 in UTC, to the second.
std::string format_time(Time time);

// Each of `chars` and each backslash as \012, its code in octal; and back. As fstab(5) and
// proc(5) have them.
std::string escape_octal(std::string_view text, std::string_view chars);
std::string unescape_octal(std::string_view text);

}  // namespace flexfs
