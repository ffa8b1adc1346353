// Packs pieces of files into a durable segment.
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

// Contiguous bytes of one block, which are stored as one frame.
struct Piece {
    block::FrameInfo info;
    std::vector<Buffer> data;
};

// A segment in the store, and one extent for each of its pieces, in their order. The server assigns
// the seq of the extents.
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
        unsigned puts_max = 16;  // concurrent
    };
    // `reserve` returns ids for segments. The other arguments must outlive the packer.
    Packer(Loop& loop, object::Store& store, Budget& budget, Options options, Reserve reserve);

    // Encodes the pieces in the pool, together at most block::segment_bytes_max, and stores them as
    // one segment. Their compressed copies take from the budget meanwhile. Returns the error of the
    // store or of `reserve`; then no extent refers to the segment.
    Task<Packed> pack(std::vector<Piece> pieces);
    // Removes a segment that no commit refers to.
    Task<void> discard(wire::SegmentId segment);
    // Discards the reserved ids, which are no longer valid; new ones are reserved when needed.
    void forget_ids() {
        ids_ = {};
        ++forgotten_;
    }

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
    std::uint64_t forgotten_ = 0;  // counts forget_ids()
};

}  // namespace flexfs::cache
