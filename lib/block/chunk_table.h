// Locates each chunk of a frame from the data in its extent: the length of the whole frame and a
// list. The list is empty for a frame of one chunk and for a frame without compressed chunks.
// Otherwise it is a sequence of LEB128 numbers (groups of 7 bits, the lowest first; all groups of a
// number except the last have the highest bit set): the number of chunks, then for each compressed
// chunk
//
//     the number of uncompressed chunks between the previous compressed chunk and this one
//     the length of its body in bytes
//
// A list has at most wire::chunk_list_bytes_max bytes, about 4 for each compressed chunk.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/block/frame.h"

namespace flexfs::block {

class ChunkTable {
public:
    // Returns the table of a chunked frame of `stored` bytes. EIO with a description if no such
    // frame can exist.
    static Result<ChunkTable> parse(std::uint32_t stored, std::string_view list);

    struct Place {
        std::uint32_t pos = 0;     // bytes from the start of the frame
        std::uint32_t stored = 0;  // bytes, tail included
    };
    std::uint32_t count() const { return count_; }
    // `number` must be below count().
    Place place(std::uint32_t number) const {
        return {ends_[number], ends_[number + 1] - ends_[number]};
    }

private:
    std::uint32_t count_ = 0;
    std::array<std::uint32_t, chunks_max + 1> ends_;  // [0] is the start of the first chunk
};

// Returns the list for a frame whose chunks have bodies of these lengths; 0 means uncompressed.
std::string chunk_list(const std::vector<std::uint32_t>& compressed);

}  // namespace flexfs::block
