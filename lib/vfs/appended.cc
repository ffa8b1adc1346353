#include "lib/vfs/appended.h"

#include <algorithm>

namespace flexfs::vfs {

bool Appended::overlaps(Range range) const {
    const auto after = std::ranges::upper_bound(ranges_, range.first, {}, &Range::last);
    return after != ranges_.end() && after->first < range.last;
}

void Appended::add(Range range) {
    // The usual case: one append after the other.
    if (!ranges_.empty() && ranges_.back().last == range.first) {
        ranges_.back().last = range.last;
        return;
    }
    const auto after = std::ranges::upper_bound(ranges_, range.first, {}, &Range::first);
    auto at = ranges_.insert(after, range);
    while (at != ranges_.begin() && std::prev(at)->last >= at->first) {
        std::prev(at)->last = std::max(std::prev(at)->last, at->last);
        at = std::prev(ranges_.erase(at));
    }
    while (std::next(at) != ranges_.end() && std::next(at)->first <= at->last) {
        at->last = std::max(at->last, std::next(at)->last);
        ranges_.erase(std::next(at));
    }
}

void Appended::add(const Appended& other) {
    for (const Range& range : other.ranges_) add(range);
}

void Appended::drop(const Appended& gone) {
    for (const Range& range : gone.ranges_) drop(range);
}

Appended Appended::in(Range range) const {
    Appended found;
    for (const Range& each : ranges_) {
        const Range both{std::max(each.first, range.first), std::min(each.last, range.last)};
        if (both.first < both.last) found.ranges_.push_back(both);
    }
    return found;
}

void Appended::drop(Range gone) {
    std::vector<Range> left;
    for (const Range& range : ranges_) {
        if (range.first < gone.first)
            left.push_back({range.first, std::min(range.last, gone.first)});
        if (range.last > gone.last) left.push_back({std::max(range.first, gone.last), range.last});
    }
    ranges_ = std::move(left);
}

std::vector<Span> Appended::take_from(Layer& dirty) const {
    std::vector<Span> taken;
    for (const Range& range : ranges_)
        for (Span& span : dirty.take(range))
            if (taken.empty() || !taken.back().join(span)) taken.push_back(std::move(span));
    return taken;
}

void Appended::put_at(std::uint64_t end, std::vector<Span> spans, Layer& dirty) {
    const std::uint64_t begin = end;
    for (Span& span : spans) {
        span.offset = end;
        end = span.end();
        dirty.put(std::move(span));
    }
    ranges_.clear();
    if (end > begin) ranges_.push_back({begin, end});
}

}  // namespace flexfs::vfs
