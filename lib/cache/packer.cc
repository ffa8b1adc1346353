#include "lib/cache/packer.h"

#include <algorithm>
#include <cerrno>

#include "lib/block/segment.h"
#include "lib/loop/pool.h"
#include "lib/task/scope.h"

namespace flexfs::cache {
namespace {

// One trip to the pool encodes about this much, so that one segment occupies several threads.
constexpr std::size_t job_bytes = 2 << 20;

Task<void> encode_some(Loop& loop, const std::vector<Piece>& pieces, std::size_t first,
                       std::size_t last, wire::Compression compression,
                       std::vector<block::EncodedFrame>& frames) {
    co_await offload(loop, [&pieces, first, last, compression, &frames]() -> Result<void> {
        for (std::size_t i = first; i < last; ++i)
            frames[i] = block::encode_frame(pieces[i].info, pieces[i].data, compression);
        return {};
    });
}

}  // namespace

Packer::Packer(Loop& loop, object::Store& store, Budget& budget, Options options, Reserve reserve)
    : loop_(loop),
      store_(store),
      budget_(budget),
      options_(std::move(options)),
      reserve_(std::move(reserve)),
      puts_(options_.puts_max) {}

Task<std::vector<block::EncodedFrame>> Packer::encode(std::vector<Piece> pieces) {
    std::vector<block::EncodedFrame> frames(pieces.size());
    std::vector<Task<void>> jobs;
    std::size_t first = 0, bytes = 0;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        bytes += total_bytes(pieces[i].data);
        if (bytes < job_bytes && i + 1 < pieces.size()) continue;
        jobs.push_back(encode_some(loop_, pieces, first, i + 1, options_.compression, frames));
        first = i + 1;
        bytes = 0;
    }
    co_await task::all(std::move(jobs));
    co_return frames;
}

Task<wire::SegmentId> Packer::next_id() {
    const auto guard = co_await reserving_.lock();
    while (ids_.count == 0) {
        const std::uint64_t forgotten = forgotten_;
        const wire::SegmentRange reserved = co_await reserve_();
        if (reserved.count == 0) co_await fail(EPROTO, "no segment ids were reserved");
        if (forgotten == forgotten_) ids_ = reserved;
    }
    --ids_.count;
    co_return ids_.first++;
}

Task<Packed> Packer::pack(std::vector<Piece> pieces) {
    const auto turn = co_await puts_.hold();
    block::SegmentBuilder builder(co_await next_id());
    std::uint64_t raw = 0;
    for (const Piece& piece : pieces) raw += total_bytes(piece.data);
    // The compressed copies are at most as long as the pieces, which are bounded as dirty data or
    // by the compaction. The claim must not wait for memory, because this is what frees dirty
    // memory.
    Reservation memory;
    if (options_.compression != wire::Compression::none) memory = budget_.claim(raw);
    std::vector<block::EncodedFrame> frames = co_await encode(std::move(pieces));

    Packed packed;
    std::uint64_t copied = 0;
    for (block::EncodedFrame& frame : frames) {
        wire::Extent extent;
        extent.idx = frame.info.idx;
        extent.off = frame.info.off;
        extent.len = frame.decoded;
        extent.segment = builder.id();
        extent.stored = frame.stored;
        extent.check = frame.check;
        extent.form = wire::FrameForm::chunked;
        extent.chunks = frame.chunks;
        if (frame.stored < frame.decoded) copied += frame.stored;
        extent.pos = builder.add(std::move(frame));
        packed.extents.push_back(extent);
    }
    memory.shrink(std::min(copied, memory.bytes()));
    packed.segment = {builder.id(), builder.bytes()};
    co_await store_.put(block::segment_key(options_.volume, packed.segment.segment),
                        builder.finish());
    co_return packed;
}

Task<void> Packer::discard(wire::SegmentId segment) {
    co_await store_.remove({block::segment_key(options_.volume, segment)});
}

}  // namespace flexfs::cache
