// Reads the parts of a stored segment.
#pragma once

#include <string>

#include "lib/block/segment.h"
#include "lib/object/store.h"

namespace flexfs::upkeep {

// Reads and parses the footer of the segment of `bytes` bytes under `key`. ENOENT, ERANGE: it is
// missing, or shorter; EIO with a description: damaged, or that of another segment; also the errors
// of the store, which `store_failed` tells apart from those.
Task<block::Footer> read_footer(object::Store& store, std::string key, block::SegmentId id,
                                std::uint64_t bytes, bool& store_failed);

// Returns bytes [offset, offset + size); errors as above.
Task<Buffer> read_part(object::Store& store, std::string key, std::uint64_t offset,
                       std::uint64_t size, bool& store_failed);

// The next frames from `entries[at]` on that one request should fetch: close together, and at most
// `bytes` unless a single one is longer.
struct Run {
    std::size_t end = 0;  // of its entries
    std::uint64_t offset = 0, bytes = 0;
};
Run next_run(const std::vector<block::SegmentEntry>& entries, std::size_t at, std::uint64_t bytes);

}  // namespace flexfs::upkeep
