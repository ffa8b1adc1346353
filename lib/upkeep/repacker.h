// Rewrites segments that are mostly dead: their live frames are copied unchanged into a new
// segment, and the old one becomes garbage like any other. A crash leaves either the old rows or
// the new ones, and possibly an unreferenced object, which is deleted when the session that put it
// ends.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "lib/block/segment.h"
#include "lib/loop/loop.h"
#include "lib/meta/volume.h"
#include "lib/object/store.h"
#include "lib/service/service.h"
#include "lib/upkeep/options.h"

namespace flexfs::upkeep {

class Repacker {
public:
    // The arguments must outlive the repacker.
    Repacker(Loop& loop, service::Service& service, meta::Volume& volume, object::Store& store,
             const Options& options)
        : loop_(loop), service_(service), volume_(volume), store_(store), options_(options) {}

    // Rewrites the next few sparse segments into one. Returns false when all have been examined.
    Task<bool> step();

    std::uint64_t repacked() const { return repacked_; }

private:
    using SegmentId = wire::SegmentId;
    using Block = std::pair<wire::Ino, std::uint64_t>;
    // How long a segment is left alone after a failure: until this time of the loop, and the last
    // pause.
    struct Setback {
        Duration until{};
        Duration pause{};
    };
    struct Frame {
        SegmentId segment = 0;  // that contains it now
        std::uint32_t pos = 0;
        block::EncodedFrame bytes;
    };
    struct Found {
        std::vector<block::SegmentEntry> frames;  // live
        std::vector<Block> blocks;                // blocks whose extents refer to them
    };
    // Maps the old place of a frame (segment, position) to its new position.
    using Moves = std::map<std::pair<SegmentId, std::uint32_t>, std::uint32_t>;

    Result<std::vector<meta::SegmentState>> next_sparse();
    Task<void> gather(meta::SegmentState segment, std::vector<Frame>& frames,
                      std::set<Block>& blocks);
    Task<Found> live_frames(meta::SegmentState segment, block::Footer footer);
    Task<void> fetch(SegmentId id, std::vector<block::SegmentEntry> entries,
                     std::vector<Frame>& frames);
    Task<SegmentId> new_segment();
    Task<meta::Reply> apply(wire::SessionId session, meta::Request request);
    bool is_set_back(SegmentId segment) const;
    void set_back(SegmentId segment, const Error& why);
    void forget_old_setbacks();
    Task<void> move(std::set<Block> blocks, Moves moves, wire::SegmentUse target);
    std::optional<wire::Compact> move_block(Block block, const Moves& moves,
                                            wire::SegmentUse target);
    std::string key(SegmentId id) const { return block::segment_key(volume_.info().id, id); }

    Loop& loop_;
    service::Service& service_;
    meta::Volume& volume_;
    object::Store& store_;
    const Options& options_;
    wire::SessionId session_ =
        0;                  // the repacker's own session, which owns the ids that it reserves
    SegmentId cursor_ = 0;  // the last segment that was examined
    std::map<SegmentId, Setback> setbacks_;
    bool store_failed_ = false;  // the last get said nothing about its segment
    std::uint64_t repacked_ = 0;
};

}  // namespace flexfs::upkeep
