#include "lib/base/range_set.h"

#include <algorithm>

namespace flexfs {

std::uint64_t RangeSet::add(Range range) {
    if (range.first >= range.last) return 0;
    Range merged = range;
    const auto begin = std::ranges::lower_bound(ranges_, range.first, {}, &Range::last);
    auto end = begin;
    std::uint64_t had = 0;
    for (; end != ranges_.end() && end->first <= range.last; ++end) {
        had += end->last - end->first;
        merged.first = std::min(merged.first, end->first);
        merged.last = std::max(merged.last, end->last);
    }
    const std::uint64_t gained = merged.last - merged.first - had;
    if (begin == end) {
        ranges_.insert(begin, merged);
    } else {
        *begin = merged;
        ranges_.erase(begin + 1, end);
    }
    size_ += gained;
    return gained;
}

void RangeSet::remove(Range range) {
    if (!overlaps(range)) return;
    std::vector<Range> left;
    for (const Range& each : ranges_) {
        if (each.first < range.first)
            left.push_back({each.first, std::min(each.last, range.first)});
        if (each.last > range.last) left.push_back({std::max(each.first, range.last), each.last});
    }
    ranges_ = std::move(left);
    size_ = 0;
    for (const Range& each : ranges_) size_ += each.last - each.first;
}

bool RangeSet::overlaps(Range range) const {
    if (range.first >= range.last) return false;
    const auto after = std::ranges::upper_bound(ranges_, range.first, {}, &Range::last);
    return after != ranges_.end() && after->first < range.last;
}

std::uint64_t RangeSet::first_gap(std::uint64_t from) const {
    const auto after = std::ranges::upper_bound(ranges_, from, {}, &Range::last);
    return after != ranges_.end() && after->first <= from ? after->last : from;
}

RangeSet RangeSet::in(Range range) const {
    RangeSet found;
    for (const Range& each : ranges_)
        found.add({std::max(each.first, range.first), std::min(each.last, range.last)});
    return found;
}

}  // namespace flexfs
