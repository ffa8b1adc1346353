// Parts of frames, and the chunks that contain them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/wire/types.h"

namespace flexfs::cache {

// The location and the form of a frame, as its extent gives them.
struct FrameAt {
    wire::SegmentId segment = 0;
    std::uint32_t pos = 0;     // bytes from the start of the segment
    std::uint32_t stored = 0;  // bytes
    std::uint64_t check = 0;
    wire::FrameForm form = wire::FrameForm::whole;
    std::string chunks;

    static FrameAt of(const wire::Extent& extent) {
        return {extent.segment, extent.pos,  extent.stored,
                extent.check,   extent.form, extent.chunks};
    }
};

// Bytes [offset, offset + size) of a frame's data; size is not 0.
struct FramePart {
    FrameAt frame;
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
};

// Names a chunk: its number in the frame at `pos` of a segment, which must have that check. A whole
// frame counts as one chunk, of any length.
struct ChunkKey {
    wire::SegmentId segment = 0;
    std::uint32_t pos = 0;
    std::uint32_t number = 0;
    std::uint64_t check = 0;
    bool operator==(const ChunkKey&) const = default;
};

// One chunk in its segment, and the range of its bytes that is wanted.
struct ChunkAt {
    ChunkKey key;
    wire::FrameForm form = wire::FrameForm::whole;
    std::uint64_t first = 0;    // bytes from the start of the segment
    std::uint32_t stored = 0;   // bytes
    std::uint32_t decoded = 0;  // bytes, at most
    std::uint32_t offset = 0, size = 0;

    std::uint64_t last() const { return first + stored; }
};

// Returns the chunks that contain the parts, in their order; two parts may lie in one chunk. No
// frame of the volume holds more than `block_bytes` of data. EIO if an extent is invalid.
Result<std::vector<ChunkAt>> chunks_of(const std::vector<FramePart>& parts,
                                       std::uint32_t block_bytes);

}  // namespace flexfs::cache
