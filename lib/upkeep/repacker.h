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
#include "lib/service/service.h"
#include "lib/upkeep/options.h"

namespace flexfs::upkeep {

class Repacker {
public:
    // All must outlive it.
    Repacker(Loop& loop, service::Service& service, meta::Volume& volume, object::Store& store,
             const Options& options)
        : loop_(loop), service_(service), volume_(volume), store_(store), options_(options) {}

    // Rewrites the next few sparse segments into one. False: all have been looked at.
    Task<bool> step();

    std::uint64_t repacked() const { return repacked_; }

private:
    using SegmentId = wire::SegmentId;
    using Block = std::pair<wire::Ino, std::uint64_t>;
    // Why a segment is left alone, and until when by the loop's clock.
    struct Setback {
        Duration until{};
        Duration pause{};
    };
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

    Result<std::vector<meta::SegmentState>> next_sparse();
    Task<void> gather(meta::SegmentState segment, std::vector<Frame>& frames,
                      std::set<Block>& blocks);
    Task<block::Footer> footer_of(SegmentId id, std::uint64_t bytes);
    Task<Found> live_frames(meta::SegmentState segment, block::Footer footer);
    Task<void> fetch(SegmentId id, std::vector<block::SegmentEntry> entries,
                     std::vector<Frame>& frames);
    Task<SegmentId> new_segment();
    Task<meta::Reply> apply(wire::SessionId session, meta::Request request);
    Task<Buffer> get(SegmentId id, std::uint64_t offset, std::uint64_t size);
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
    wire::SessionId session_ = 0;  // its own, which owns the ids of what it puts
    SegmentId cursor_ = 0;         // the last that was looked at
    std::map<SegmentId, Setback> setbacks_;
    bool store_failed_ = false;  // and said nothing of the segment that is being gathered
    std::uint64_t repacked_ = 0;
};

}  // namespace flexfs::upkeep
