// Computes which bytes of a block its extents cover: the client and the service must agree on it.
#pragma once

#include <algorithm>
#include <span>

#include "lib/base/range_set.h"
#include "lib/wire/types.h"

namespace flexfs::wire {

// The bytes of its block that the extent covers.
inline Range covered_by(const Extent& extent) {
    return {extent.off, std::uint64_t{extent.off} + extent.len};
}

// Returns how many bytes of the block are covered. The first `small` bytes of the block, which are
// inline data, also count as covered.
std::uint64_t covered_bytes(std::span<const Extent> extents_of_a_block, std::uint64_t small = 0);

// Returns the end of the extents of the block that `first` belongs to; extents are ordered by
// block.
template <class Iterator>
Iterator block_end(Iterator first, Iterator end) {
    return std::find_if(first, end, [&](const Extent& e) { return e.idx != first->idx; });
}

}  // namespace flexfs::wire
