// The memory tier: decoded frames, for as long as the budget has room. One fetch per frame however
// many wait for it; frames that lie near each other in a segment come with one request.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/block/frame.h"
#include "lib/cache/budget.h"
#include "lib/loop/loop.h"
#include "lib/object/store.h"
#include "lib/task/scope.h"
#include "lib/task/sync.h"
#include "lib/wire/types.h"

namespace flexfs::cache {

// Where a frame is, as its extent says.
struct FrameAt {
    wire::SegmentId segment = 0;
    std::uint32_t pos = 0;     // bytes from the start of the segment
    std::uint32_t stored = 0;  // bytes
    std::uint64_t check = 0;
};

// The data of one frame, in pieces one after the other. Immutable.
class Frame {
public:
    explicit Frame(std::vector<Buffer> pieces);
    std::size_t size() const { return size_; }
    // Appends slices for bytes [offset, offset + size), which must lie inside.
    void append_to(std::vector<Buffer>& into, std::size_t offset, std::size_t size) const;

private:
    std::vector<Buffer> pieces_;
    std::size_t size_ = 0;
};
using FramePtr = std::shared_ptr<const Frame>;

class Frames {
public:
    struct Options {
        std::string volume;             // as in segment_key()
        std::uint32_t block_bytes = 0;  // no frame of the volume is longer when decoded
        unsigned gets_max = 16;         // under way at the same time
    };
    // All of them must outlive it.
    Frames(Loop& loop, object::Store& store, Budget& budget, Options options);
    ~Frames();

    // Null when it is not in memory.
    FramePtr find(const FrameAt& at);
    // In memory or on its way.
    bool has(const FrameAt& at) const { return entries_.contains({at.segment, at.pos}); }
    // From memory or the store. ENOENT: there is no such segment; EIO, with what is wrong.
    Task<FramePtr> get(FrameAt at);
    // Starts to fetch those that are not in memory.
    void fetch(std::vector<FrameAt> wanted);
    // The same for what nobody waits for yet: given up where memory has no room at once. Returns
    // how many of them, from the first on, are in memory or under way.
    std::size_t prefetch(const std::vector<FrameAt>& wanted);
    // What was just written. The pieces' memory is the caller's to account for.
    void put(const FrameAt& at, std::vector<Buffer> pieces);

    // Frames that somebody wanted and that were in memory, or had to be fetched for him.
    struct Counters {
        std::uint64_t hits = 0, misses = 0;
    };
    const Counters& counters() const { return counters_; }
    // Ends what is under way.
    Task<void> close() { return scope_.close(); }

private:
    struct Key {
        wire::SegmentId segment;
        std::uint32_t pos;
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const {
            return (key.segment * 0x9e3779b97f4a7c15ull) ^ (key.pos * 0xff51afd7ed558ccdull);
        }
    };
    struct Entry;
    using Recency = std::list<Entry*>;
    struct Fetch;  // what waits for a frame under way
    struct Entry {
        Key key;
        FramePtr frame;  // null while it is fetched
        std::shared_ptr<Fetch> fetch;
        Reservation overhead;
        bool kept = false;        // in kept_, not in passing_
        bool missed = false;      // fetched for somebody who has not taken it yet: no hit
        std::uint64_t since = 0;  // inserted_ when it came
        Recency::iterator place;
    };
    // Frames that one request brings.
    struct Range {
        std::vector<FrameAt> frames;  // by position
        Reservation memory;
        std::uint64_t first() const { return frames.front().pos; }
        std::uint64_t last() const { return frames.back().pos + frames.back().stored; }
    };

    std::uint64_t memory_for(const FrameAt& at) const;
    Entry* begin_fetch(const FrameAt& at, bool missed);
    std::vector<Range> join(std::vector<FrameAt> wanted) const;
    Task<void> run_fetch(Range range);
    Task<void> load(Range& range, std::vector<Result<FramePtr>>& frames);
    void finish(const FrameAt& at, Result<FramePtr> outcome);
    void insert(Entry& entry, FramePtr frame);
    void touch(Entry& entry);
    bool evict_one();
    void reclaim(std::uint64_t bytes);

    Loop& loop_;
    object::Store& store_;
    Budget& budget_;
    Options options_;
    task::Semaphore gets_;
    std::unordered_map<Key, Entry, KeyHash> entries_;
    Recency passing_;  // seen once, newest first: what a scan goes through
    Recency kept_;     // asked for again later
    std::uint64_t inserted_ = 0;
    Counters counters_;
    Scope scope_;
    std::unique_ptr<Budget::Reclaimer> reclaimer_;
};

}  // namespace flexfs::cache
