#include "lib/cache/frame_part.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/block/chunk_table.h"

namespace flexfs::cache {
namespace {

Result<void> add_chunks(const FramePart& part, std::vector<ChunkAt>& into) {
    const FrameAt& frame = part.frame;
    TRY(const auto table, block::ChunkTable::parse(frame.stored, frame.chunks));
    const std::uint64_t end = std::uint64_t{part.offset} + part.size;
    for (std::uint64_t at = part.offset; at < end;) {
        const auto number = static_cast<std::uint32_t>(at / block::chunk_bytes);
        if (number >= table.count()) return fail(EIO, "the frame is shorter than its extent");
        const std::uint64_t start = std::uint64_t{number} * block::chunk_bytes;
        const std::uint64_t stop = std::min(end, start + block::chunk_bytes);
        const block::ChunkTable::Place place = table.place(number);
        into.push_back({.key = {frame.segment, frame.pos, number, frame.check},
                        .form = frame.form,
                        .first = std::uint64_t{frame.pos} + place.pos,
                        .stored = place.stored,
                        .decoded = block::chunk_bytes,
                        .offset = static_cast<std::uint32_t>(at - start),
                        .size = static_cast<std::uint32_t>(stop - at)});
        at = stop;
    }
    return {};
}

}  // namespace

Result<std::vector<ChunkAt>> chunks_of(const std::vector<FramePart>& parts,
                                       std::uint32_t block_bytes) {
    std::vector<ChunkAt> chunks;
    for (const FramePart& part : parts) {
        const FrameAt& frame = part.frame;
        Result<void> added;
        if (frame.form == wire::FrameForm::chunked) {
            added = add_chunks(part, chunks);
        } else if (frame.form == wire::FrameForm::whole) {
            chunks.push_back({.key = {frame.segment, frame.pos, 0, frame.check},
                              .form = frame.form,
                              .first = frame.pos,
                              .stored = frame.stored,
                              .decoded = block_bytes,
                              .offset = part.offset,
                              .size = part.size});
        } else {
            added = fail(EIO, "the extent is of an unknown form");
        }
        if (!added)
            return fail(EIO, fmt::format("segment {:016x} at {}: {}", frame.segment, frame.pos,
                                         added.error().context));
    }
    return chunks;
}

}  // namespace flexfs::cache
