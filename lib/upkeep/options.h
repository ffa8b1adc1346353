// Options that say when and how fast stored segments are cleaned up.
#pragma once

#include <functional>

#include "lib/base/time.h"

namespace flexfs::upkeep {

struct Options {
    // From a segment's death to its deletion: the time for which a client may read through extents
    // that it remembers.
    Duration garbage_delay = std::chrono::minutes(1);
    Duration garbage_pause = std::chrono::seconds(5);  // between searches for segments to delete
    // A segment is rewritten if less than this share of its bytes is live; 0 means never.
    double repack_below = 0.25;
    Duration repack_age = std::chrono::minutes(10);  // commits may still refer to younger ones
    // The pause between steps of about 8 MiB, which limits the rate.
    Duration repack_pause = std::chrono::seconds(1);
    Duration repack_interval = std::chrono::minutes(10);  // between scans of all segments
    // A segment that cannot be read is tried again after `retry_first`; the pause doubles up to
    // `retry_last`. A segment that is damaged, or whose frames are shared, is tried again after
    // `hopeless`.
    Duration retry_first = std::chrono::seconds(10), retry_last = std::chrono::hours(1);
    Duration hopeless = std::chrono::hours(24);
    Duration turn_pause = std::chrono::milliseconds(5);  // between batches of blocks

    std::function<Time()> clock = wall_now;
};

}  // namespace flexfs::upkeep
