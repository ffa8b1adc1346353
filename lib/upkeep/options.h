// When and how fast stored segments are looked after.
#pragma once

#include <functional>

#include "lib/base/time.h"

namespace flexfs::upkeep {

struct Options {
    // From a segment's death to its deletion: how long a client may read by rows that it remembers.
    Duration garbage_delay = std::chrono::minutes(1);
    Duration garbage_pause = std::chrono::seconds(5);  // between looks for due segments
    // A segment with less than this share of its bytes alive is rewritten; 0: never.
    double repack_below = 0.25;
    Duration repack_age = std::chrono::minutes(10);  // younger ones may still be committed to
    // Between steps of about 8 MiB: bounds the rate.
    Duration repack_pause = std::chrono::seconds(1);
    Duration repack_interval = std::chrono::minutes(10);  // between looks at all segments
    // A segment that cannot be read is tried again after the first; the pause doubles up to the
    // last. One that is damaged, or whose frames are shared, is looked at again after `hopeless`.
    Duration retry_first = std::chrono::seconds(10), retry_last = std::chrono::hours(1);
    Duration hopeless = std::chrono::hours(24);
    Duration turn_pause = std::chrono::milliseconds(5);  // between looks at many blocks

    std::function<Time()> clock = wall_now;
};

}  // namespace flexfs::upkeep
