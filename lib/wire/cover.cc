#include "lib/wire/cover.h"

namespace flexfs::wire {

std::uint64_t covered_bytes(std::span<const Extent> extents, std::uint64_t small) {
    if (extents.empty()) return small;
    if (extents.size() == 1 && small == 0) return extents[0].len;
    RangeSet covered;
    covered.add({0, small});
    for (const Extent& extent : extents) covered.add(covered_by(extent));
    return covered.size();
}

}  // namespace flexfs::wire
