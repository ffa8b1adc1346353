// Points in time and spans of it, both in nanoseconds.
#pragma once

#include <chrono>
#include <cstdint>

namespace flexfs {

// Nanoseconds since 1970-01-01T00:00:00Z, as inodes store them.
using Time = std::int64_t;

using Duration = std::chrono::nanoseconds;

// Returns the wall clock. Only the edges of the system (loop, fuse, roles) may call it; below them,
// time is an argument.
Time wall_now();

// Returns a clock that never goes back, for deadlines and measurements.
Duration monotonic_now();

}  // namespace flexfs
