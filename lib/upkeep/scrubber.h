// Reads everything that a volume's files have in the store, and finds by path what is damaged or
// missing. Changes nothing.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "lib/block/segment.h"
#include "lib/loop/loop.h"
#include "lib/meta/locate.h"
#include "lib/meta/volume.h"
#include "lib/object/store.h"
#include "lib/wire/control.h"

namespace flexfs::upkeep {

struct ScrubOptions {
    std::uint64_t bytes_per_second = 0;  // 0: as many as the store gives
};

inline constexpr std::size_t damage_max = 1000;  // that is described, of any amount that is counted

class Scrubber {
public:
    // The arguments must outlive it. Takes up to 16 MiB of memory.
    Scrubber(Loop& loop, meta::Volume& volume, object::Store& store, ScrubOptions options)
        : loop_(loop), volume_(volume), store_(store), options_(options) {}

    // Reads all segments. Damage is no error; EIO, EACCES, …: the store or the database could not
    // be read. ECANCELED.
    Task<void> run();

    const wire::ScrubState& state() const { return state_; }

private:
    using SegmentId = wire::SegmentId;
    // The faults of a segment: of the frame at a position, or of all of it.
    struct Faults {
        std::string whole;
        std::map<std::uint32_t, std::string> frames;
    };

    Task<void> count();
    Task<void> verify(meta::SegmentState segment);
    Task<void> verify_frames(meta::SegmentState segment, block::Footer footer, Faults& faults);
    Task<void> verify_run(meta::SegmentState segment, std::vector<block::SegmentEntry> entries,
                          Faults& faults);
    Result<std::vector<block::SegmentEntry>> entries_in_use(const meta::SegmentState& segment,
                                                            const block::Footer& footer,
                                                            Faults& faults);
    Result<bool> is_gone(SegmentId id);
    Task<void> keep_to_rate();
    Task<void> locate();
    void report(const meta::FrameUse& use, std::string path);
    std::string key(SegmentId id) const { return block::segment_key(volume_.info().id, id); }

    Loop& loop_;
    meta::Volume& volume_;
    object::Store& store_;
    ScrubOptions options_;
    wire::ScrubState state_;
    std::map<SegmentId, Faults> faults_;
    Duration began_{};
};

}  // namespace flexfs::upkeep
