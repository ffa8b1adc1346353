// The memory tier: chunks of frames, decoded, for as long as the budget has room. One fetch per
// chunk however many wait for it; chunks that lie near each other in a segment come with one
// request.
//
// Nothing here waits for memory. A caller reserves all that a step needs while it holds nothing,
// then begins the step with it; a chunk that is under way owns its memory already, so waiting for
// one never depends on the budget.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/cache/budget.h"
#include "lib/cache/frame_part.h"
#include "lib/loop/loop.h"
#include "lib/object/store.h"
#include "lib/task/scope.h"
#include "lib/task/sync.h"

namespace flexfs::cache {

class ChunkCache {
public:
    struct Options {
        std::string volume;             // as in segment_key()
        std::uint32_t block_bytes = 0;  // no frame of the volume holds more data
        unsigned gets_max = 16;         // requests under way at the same time
    };
    // All of them must outlive it.
    ChunkCache(Loop& loop, object::Store& store, Budget& budget, Options options);
    ~ChunkCache();

    // The most memory that a step with these parts takes, in bytes: with none of their chunks in
    // memory.
    std::uint64_t memory_for(const std::vector<FramePart>& parts) const;
    // The memory for those chunks that are missing now. Nothing: the budget has no room at once.
    std::optional<Reservation> reserve(const std::vector<FramePart>& parts);

    // What one step reads: its chunks, in memory or on their way.
    class Step;
    // Starts to fetch what is missing, in `memory`, and pins the rest. `memory` comes from
    // reserve(), with nothing awaited since, or has memory_for(parts) bytes. What is not needed of
    // it goes back at once.
    Step begin(const std::vector<FramePart>& parts, Reservation memory);
    // The bytes of all parts, in their order. ENOENT: there is no such segment; EIO, with what is
    // wrong.
    Task<std::vector<Buffer>> finish(Step step);

    // Starts to fetch what nobody waits for yet, where memory and requests are free. Returns how
    // many of the parts, from the first on, are in memory or under way.
    std::size_t prefetch(const std::vector<FramePart>& parts);
    // Keeps what was just written: all of the frame's data. The pieces' memory is accounted for by
    // the caller. Nothing is kept where the budget has no room for the entries.
    void put(const FrameAt& at, const std::vector<Buffer>& pieces);
    // These parts were read in order by somebody who goes on: their chunks make room first.
    void pass(const std::vector<FramePart>& parts);

    // The most memory that copy() takes, in bytes: the caller reserves it before.
    std::uint64_t memory_to_copy(const std::vector<FramePart>& parts) const;
    // Copies the bytes of each part to the place of the same number in `into`, which is as long.
    // The chunks are not kept. Errors as finish().
    Task<void> copy(std::vector<FramePart> parts, std::vector<MutableBytes> into);

    // Chunks that somebody wanted and that were in memory, or were fetched for that.
    struct Counters {
        std::uint64_t hits = 0, misses = 0;
    };
    const Counters& counters() const { return counters_; }
    // Ends what is under way.
    Task<void> close() { return scope_.close(); }

private:
    struct KeyHash {
        std::size_t operator()(const ChunkKey& key) const {
            return (key.segment * 0x9e3779b97f4a7c15ull) ^
                   ((std::uint64_t{key.pos} << 8 | key.number) * 0xff51afd7ed558ccdull);
        }
    };
    struct Entry;
    using Recency = std::list<Entry*>;
    struct Fetch;  // what waits for a chunk under way
    struct Entry {
        ChunkKey key;
        std::vector<Buffer> data;      // in pieces, one after the other
        std::shared_ptr<Fetch> fetch;  // while it is fetched
        Reservation overhead;
        Recency* list = nullptr;  // null while it is fetched
        Recency::iterator place;
        std::uint64_t since = 0;  // inserted_ when it came
    };
    // Chunks that one request brings, in the order of their positions.
    struct Range {
        std::vector<ChunkAt> chunks;
        Reservation memory;
    };

    std::vector<ChunkAt> missing(const std::vector<ChunkAt>& wanted) const;
    static std::uint64_t memory_for(const std::vector<ChunkAt>& chunks);
    void start(std::vector<ChunkAt> chunks, Reservation memory);
    static std::vector<Range> join(std::vector<ChunkAt> chunks, std::uint64_t bytes_max);
    Task<void> run_fetch(Range range);
    Task<std::vector<Buffer>> load(const std::vector<ChunkAt>& chunks);
    Task<void> decode(const std::vector<ChunkAt>& chunks, std::vector<Buffer> stored,
                      std::vector<Result<Buffer>>& data);
    void settle(const ChunkAt& at, Result<Buffer> outcome, Reservation memory);
    void insert(Entry& entry, std::vector<Buffer> data, Recency& list);
    void move_to(Entry& entry, Recency& list);
    void touch(Entry& entry);
    bool evict_one();
    void reclaim(std::uint64_t bytes);
    std::string key_of(wire::SegmentId segment) const;

    Loop& loop_;
    object::Store& store_;
    Budget& budget_;
    Options options_;
    task::Semaphore gets_;
    std::uint64_t distance_min_;
    std::unordered_map<ChunkKey, Entry, KeyHash> entries_;
    Recency passed_;   // read in order; newest first, as in all of them
    Recency passing_;  // seen once: what a scan goes through
    Recency kept_;     // asked for again later
    std::uint64_t inserted_ = 0;
    Counters counters_;
    Scope scope_;
    std::unique_ptr<Budget::Reclaimer> reclaimer_;
};

class ChunkCache::Step {
public:
    // Something had to be fetched for it, or is still on its way.
    bool waits() const { return waits_; }

private:
    friend class ChunkCache;
    struct Piece {
        std::shared_ptr<Fetch> fetch;  // or
        std::vector<Buffer> data;
        std::uint32_t offset = 0, size = 0;  // bytes of the chunk
    };
    Error impossible_;  // an extent cannot be right
    std::vector<Piece> pieces_;
    bool waits_ = false;
};

}  // namespace flexfs::cache
