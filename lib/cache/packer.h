// The packer: pieces of files in, one durable segment out.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lib/block/frame.h"
#include "lib/cache/budget.h"
#include "lib/loop/loop.h"
#include "lib/object/store.h"
#include "lib/task/sync.h"
#include "lib/wire/messages.h"

namespace flexfs::cache {

// Contiguous bytes of one block, to become one frame.
struct Piece {
    block::FrameInfo info;
    std::vector<Buffer> data;
};

// A segment that is in the store, and the extent that leads to each of its pieces, in their order.
// The extents' seq is the server's to give.
struct Packed {
    wire::SegmentUse segment;
    std::vector<wire::Extent> extents;
};

class Packer {
public:
    using Reserve = std::function<Task<wire::SegmentRange>()>;
    struct Options {
        std::string volume;  // as in segment_key()
        wire::Compression compression = wire::Compression::lz4;
        unsigned puts_max = 16;  // under way at the same time
    };
    // `reserve` gives ids for segments. All of them must outlive it.
    Packer(Loop& loop, object::Store& store, Budget& budget, Options options, Reserve reserve);

    // Encodes the pieces in the pool, together at most block::segment_bytes_max, and puts them as
    // one segment. Compressed copies of them draw on the budget meanwhile. What the store or
    // `reserve` says; then nothing leads to the segment.
    Task<Packed> pack(std::vector<Piece> pieces);
    // Removes a segment that no commit leads to.
    Task<void> discard(wire::SegmentId segment);
    // The ids that were reserved are no longer good: other ones are reserved for what comes.
    void forget_ids() { ids_ = {}; }

private:
    Task<std::vector<block::EncodedFrame>> encode(std::vector<Piece> pieces);
    Task<wire::SegmentId> next_id();

    Loop& loop_;
    object::Store& store_;
    Budget& budget_;
    Options options_;
    Reserve reserve_;
    task::Semaphore puts_;
    task::Mutex reserving_;
    wire::SegmentRange ids_;
};

}  // namespace flexfs::cache
