// Rewrites segments that are mostly dead: their live frames move, as they are, into a new segment;
// then the old one is garbage like any other. A crash at any point leaves either the old rows or
// the new ones, and an object that nobody refers to, which ends with the session it was put under.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "lib/block/segment.h"
#include "lib/loop/loop.h"
#include "lib/meta/volume.h"
#include "lib/object/store.h"
#include "lib/service/batch.h"
#include "lib/service/grants.h"
#include "lib/service/service.h"

namespace flexfs::service {

class Repacker {
public:
    // Under what name it opens its own session, which owns the ids of what it puts.
    static constexpr std::string_view client = "repacking";

    Repacker(Loop& loop, meta::Volume& volume, object::Store& store, Syncer& syncer, Batch& batch,
             Grants& grants, const Options& options)
        : loop_(loop),
          volume_(volume),
          store_(store),
          syncer_(syncer),
          batch_(batch),
          grants_(grants),
          options_(options) {}

    // Rewrites the next few sparse segments into one. False: all have been looked at.
    Task<bool> step();

    std::uint64_t repacked() const { return repacked_; }

private:
    using SegmentId = wire::SegmentId;
    using Block = std::pair<Ino, std::uint64_t>;
    struct Frame {
        SegmentId segment = 0;  // where it lies now
        std::uint32_t pos = 0;
        block::EncodedFrame bytes;
    };
    struct Found {
        std::vector<block::SegmentEntry> frames;  // alive
        std::vector<Block> blocks;                // with extents that lead to them
    };
    // From where a frame moved (segment, position) to its new position.
    using Moves = std::map<std::pair<SegmentId, std::uint32_t>, std::uint32_t>;

    Result<std::vector<meta::Volume::SegmentState>> next_sparse();
    Task<void> gather(meta::Volume::SegmentState segment, std::vector<Frame>& frames,
                      std::set<Block>& blocks);
    Task<block::Footer> footer_of(SegmentId id, std::uint64_t bytes);
    Task<Found> live_frames(meta::Volume::SegmentState segment, block::Footer footer);
    Task<void> fetch(SegmentId id, std::vector<block::SegmentEntry> entries,
                     std::vector<Frame>& frames);
    Task<SegmentId> new_segment();
    Task<meta::Reply> apply(wire::SessionId session, meta::Request request);
    Task<void> move(std::set<Block> blocks, Moves moves, wire::SegmentUse target);
    std::optional<wire::Compact> move_block(Block block, const Moves& moves,
                                            wire::SegmentUse target);
    std::string key(SegmentId id) const { return block::segment_key(volume_.info().id, id); }

    Loop& loop_;
    meta::Volume& volume_;
    object::Store& store_;
    Syncer& syncer_;
    Batch& batch_;
    Grants& grants_;
    const Options& options_;
    wire::SessionId session_ = 0;
    SegmentId cursor_ = 0;          // the last that was looked at
    std::set<SegmentId> hopeless_;  // whose frames are not all to be found; not tried again
    std::uint64_t repacked_ = 0;
};

}  // namespace flexfs::service
