// Where each chunk of a frame lies, from what an extent says of it: the length of the whole frame
// and a list, which is empty for a frame of one chunk, and where no chunk is compressed. Otherwise
// the list is made of numbers in groups of 7 bits, the lowest first, of which all but a number's
// last have the highest bit set (LEB128): the count of chunks, then for each compressed chunk
//
//     how many chunks that are not compressed precede it, since the last that is
//     bytes of its body
//
// At most wire::chunk_list_bytes_max bytes; about 4 for each compressed chunk.
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
    // Of a chunked frame of `stored` bytes. EIO, with what is wrong, unless such a frame can exist.
    static Result<ChunkTable> parse(std::uint32_t stored, std::string_view list);

    struct Place {
        std::uint32_t pos = 0;     // bytes from the start of the frame
        std::uint32_t stored = 0;  // bytes, tail included
    };
    std::uint32_t count() const { return count_; }
    // `number` is below count().
    Place place(std::uint32_t number) const {
        return {ends_[number], ends_[number + 1] - ends_[number]};
    }

private:
    std::uint32_t count_ = 0;
    std::array<std::uint32_t, chunks_max + 1> ends_;  // [0]: where the first one begins
};

// The list for a frame whose chunks have bodies of these lengths; 0: not compressed.
std::string chunk_list(const std::vector<std::uint32_t>& compressed);

}  // namespace flexfs::block
