#include "lib/meta/cover.h"

namespace flexfs::meta {

std::uint64_t Cover::add(std::uint64_t off, std::uint64_t len) {
    Range merged{off, off + len};
    // Touching ranges merge too, so that a block written piece by piece stays one range.
    auto begin = std::ranges::lower_bound(ranges_, off, {}, &Range::last);
    auto end = begin;
    std::uint64_t old = 0;
    for (; end != ranges_.end() && end->first <= off + len; ++end) {
        old += end->last - end->first;
        merged.first = std::min(merged.first, end->first);
        merged.last = std::max(merged.last, end->last);
    }
    const std::uint64_t gained = merged.last - merged.first - old;
    if (begin == end) {
        ranges_.insert(begin, merged);
    } else {
        *begin = merged;
        ranges_.erase(begin + 1, end);
    }
    bytes_ += gained;
    return gained;
}

std::uint64_t covered_bytes(std::span<const wire::Extent> extents, std::uint64_t small) {
    if (extents.empty()) return small;
    if (extents.size() == 1 && small == 0) return extents[0].len;
    Cover cover;
    if (small > 0) cover.add(0, small);
    for (const wire::Extent& extent : extents) cover.add(extent.off, extent.len);
    return cover.bytes();
}

}  // namespace flexfs::meta
