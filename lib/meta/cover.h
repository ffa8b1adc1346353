// Computes which bytes of a block its extents cover.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/base/range.h"
#include "lib/wire/types.h"

namespace flexfs::meta {

class Cover {
public:
    // Adds the bytes [off, off + len). Returns how many of them were not covered before.
    std::uint64_t add(std::uint64_t off, std::uint64_t len);
    std::uint64_t bytes() const { return bytes_; }

private:
    std::vector<Range> ranges_;  // disjoint, ascending
    std::uint64_t bytes_ = 0;
};

// Returns how many bytes of the block are covered. The first `small` bytes of the block, which are
// inline data, also count as covered.
std::uint64_t covered_bytes(std::span<const wire::Extent> extents_of_a_block,
                            std::uint64_t small = 0);

// Returns the end of the extents of the block that `first` belongs to; extents are ordered by
// block.
template <class Iterator>
Iterator block_end(Iterator first, Iterator end) {
    return std::find_if(first, end, [&](const wire::Extent& e) { return e.idx != first->idx; });
}

}  // namespace flexfs::meta
