// The memory tier: decoded chunks of frames, kept while the budget has room. Each chunk is fetched
// once, however many readers wait for it.
//
// Nothing here waits for memory. A caller reserves everything that a step needs while it holds
// nothing, then begins the step with it. A chunk that is being fetched already owns its memory, so
// waiting for one never depends on the budget.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/cache/budget.h"
#include "lib/cache/chunk_source.h"
#include "lib/task/scope.h"

namespace flexfs::cache {

class ChunkCache {
public:
    struct Options {
        std::string volume;             // as in segment_key()
        std::uint32_t block_bytes = 0;  // no frame of the volume holds more data
        unsigned gets_max = 16;         // concurrent requests
    };
    // The arguments must outlive the cache.
    ChunkCache(Loop& loop, object::Store& store, Budget& budget, Options options);
    ~ChunkCache();

    // The most memory that a step with these parts can need, in bytes: the need if none of their
    // chunks is in memory.
    std::uint64_t memory_for(const std::vector<FramePart>& parts) const;
    // Reserves memory for the chunks that are missing now. Returns nothing if the budget has no
    // room at once.
    std::optional<Reservation> reserve(const std::vector<FramePart>& parts);

    // The chunks that one step reads, in memory or being fetched.
    class Step;
    // Starts to fetch the missing chunks into `memory` and pins the others. `memory` comes from
    // reserve(), with nothing awaited since, or has memory_for(parts) bytes. Memory that is not
    // needed is given back at once.
    Step begin(const std::vector<FramePart>& parts, Reservation memory);
    // Returns the bytes of all parts, in their order. ENOENT: the segment does not exist; ERANGE:
    // it ends too early; EIO with a description if a chunk is damaged; other errors of the store.
    Task<std::vector<Buffer>> finish(Step step);

    // Starts to fetch chunks before they are needed, as far as memory and requests are free.
    // Returns how many of the parts, counted from the first, are in memory or being fetched.
    std::size_t prefetch(const std::vector<FramePart>& parts);
    // Keeps the data of a frame that was just written. The caller accounts for the memory of the
    // pieces. Nothing is kept if the budget has no room for the entries.
    void put(const FrameAt& at, const std::vector<Buffer>& pieces);
    // These parts were read by a sequential reader that has moved on; their chunks are evicted
    // first.
    void pass(const std::vector<FramePart>& parts);

    // The most memory that copy() needs, in bytes. The caller reserves it first.
    std::uint64_t memory_to_copy(const std::vector<FramePart>& parts) const;
    // Copies the bytes of each part to the element of `into` with the same index; both are equally
    // long. The chunks are not kept. Errors as finish().
    Task<void> copy(std::vector<FramePart> parts, std::vector<MutableBytes> into);

    // Numbers of requested chunks that were in memory (hits) or had to be fetched (misses).
    struct Counters {
        std::uint64_t hits = 0, misses = 0;
    };
    const Counters& counters() const { return counters_; }
    // Stops the running fetches and waits for them.
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
    struct Fetch;  // the state that waiters of a fetched chunk share
    struct Entry {
        ChunkKey key;
        std::vector<Buffer> data;      // consecutive pieces
        std::shared_ptr<Fetch> fetch;  // while it is fetched
        Reservation overhead;
        Recency* list = nullptr;  // null while it is fetched
        Recency::iterator place;
        std::uint64_t since = 0;  // the value of inserted_ when it was inserted
    };
    std::vector<ChunkAt> missing(const std::vector<ChunkAt>& wanted) const;
    static std::uint64_t memory_for(const std::vector<ChunkAt>& chunks);
    void start(std::vector<ChunkAt> chunks, Reservation memory);
    Task<void> fetch(std::vector<ChunkAt> group, Reservation memory);
    void settle(const ChunkAt& at, Result<Buffer> outcome, Reservation memory);
    void insert(Entry& entry, std::vector<Buffer> data, Recency& list);
    void move_to(Entry& entry, Recency& list);
    void touch(Entry& entry);
    bool evict_one();
    void reclaim(std::uint64_t bytes);

    Loop& loop_;
    Budget& budget_;
    std::uint32_t block_bytes_;
    ChunkSource source_;
    std::uint64_t distance_min_;
    std::unordered_map<ChunkKey, Entry, KeyHash> entries_;
    Recency passed_;   // read sequentially; the newest is first, as in all three lists
    Recency passing_;  // read once, as by a scan
    Recency kept_;     // read again later
    std::uint64_t inserted_ = 0;
    Counters counters_;
    Scope scope_;
    std::unique_ptr<Budget::Reclaimer> reclaimer_;
};

class ChunkCache::Step {
public:
    // True if a chunk of the step had to be fetched or is still being fetched.
    bool waits() const { return waits_; }

private:
    friend class ChunkCache;
    struct Piece {
        std::shared_ptr<Fetch> fetch;  // null if the data is in memory
        std::vector<Buffer> data;
        std::uint32_t offset = 0, size = 0;  // bytes of the chunk
    };
    Error impossible_;  // set if an extent is invalid
    std::vector<Piece> pieces_;
    bool waits_ = false;
};

}  // namespace flexfs::cache
