#include "lib/vfs/layer.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace flexfs::vfs {

Span Span::slice(std::uint64_t first, std::uint64_t last) const {
    first = std::max(first, offset);
    last = std::min(last, end());
    check(first < last);
    Span part = *this;
    part.bytes = bytes.subspan(first - offset, last - first);
    part.offset = first;
    return part;
}

bool Span::join(const Span& next) {
    const bool follows = next.memory == memory && next.offset == end() &&
                         next.bytes.data() == bytes.data() + bytes.size();
    if (follows) bytes = {bytes.data(), bytes.size() + next.bytes.size()};
    return follows;
}

void erase(Buffer& data, Range gone) {
    if (gone.first >= data.size()) return;
    std::vector<std::byte> left(data.view().begin(), data.view().end());
    if (gone.last >= left.size()) left.resize(gone.first);
    else std::fill(left.begin() + long(gone.first), left.begin() + long(gone.last), std::byte{0});
    data = Buffer::take(std::move(left));
}

Layer::Spans::const_iterator Layer::first_in(Range range) const {
    auto at = spans_.upper_bound(range.first);
    if (at != spans_.begin() && std::prev(at)->second.end() > range.first) --at;
    return at;
}

void Layer::insert(Span span) {
    bytes_ += span.bytes.size();
    const std::uint64_t offset = span.offset;
    spans_.emplace(offset, std::move(span));
}

std::vector<Span> Layer::take(Range range) {
    std::vector<Span> taken;
    auto at = first_in(range);
    while (at != spans_.end() && at->first < range.last) {
        const Span whole = at->second;
        at = spans_.erase(at);
        bytes_ -= whole.bytes.size();
        taken.push_back(whole.slice(range.first, range.last));
        if (whole.offset < range.first) insert(whole.slice(whole.offset, range.first));
        if (whole.end() > range.last) insert(whole.slice(range.last, whole.end()));
    }
    return taken;
}

void Layer::put(Span span) {
    if (span.bytes.empty()) return;
    take({span.offset, span.end()});
    insert(std::move(span));
}

void Layer::put_under(const Span& span) {
    if (span.bytes.empty()) return;
    for (const Range& gap : gaps({span.offset, span.end()}))
        insert(span.slice(gap.first, gap.last));
}

bool Layer::append(std::uint64_t offset, ByteView data) {
    auto after = spans_.upper_bound(offset);
    if (after == spans_.begin()) return false;
    Span& span = std::prev(after)->second;
    Slab& slab = *span.memory->slab();
    if (span.end() != offset || !slab.memory || slab.capacity - slab.used < data.size())
        return false;
    // Only the span at the end of the used memory may grow into the rest.
    if (span.bytes.data() + span.bytes.size() != slab.memory.get() + slab.used) return false;
    if (after != spans_.end() && after->first < offset + data.size()) return false;
    std::memcpy(slab.memory.get() + slab.used, data.data(), data.size());
    slab.used += data.size();
    span.bytes = {span.bytes.data(), span.bytes.size() + data.size()};
    bytes_ += data.size();
    return true;
}

std::vector<Span> Layer::find(Range range) const {
    std::vector<Span> found;
    for (auto at = first_in(range); at != spans_.end() && at->first < range.last; ++at)
        found.push_back(at->second.slice(range.first, range.last));
    return found;
}

Range Layer::next(std::uint64_t offset) const {
    const auto at = first_in({offset, offset});
    if (at == spans_.end()) return {UINT64_MAX, UINT64_MAX};
    return {std::max(offset, at->first), at->second.end()};
}

std::size_t Layer::bytes_before(std::uint64_t offset) const {
    const auto at = spans_.lower_bound(offset);
    if (at == spans_.begin()) return 0;
    const Span& span = std::prev(at)->second;
    return span.end() == offset ? span.bytes.size() : 0;
}

bool Layer::covers(Range range) const {
    std::uint64_t next = range.first;
    for (auto at = first_in(range); at != spans_.end() && at->first <= next; ++at) {
        next = at->second.end();
        if (next >= range.last) return true;
    }
    return next >= range.last;
}

std::vector<Range> Layer::gaps(Range range) const {
    std::vector<Range> found;
    std::uint64_t next = range.first;
    for (auto at = first_in(range); at != spans_.end() && at->first < range.last; ++at) {
        if (at->first > next) found.push_back({next, at->first});
        next = at->second.end();
    }
    if (next < range.last) found.push_back({next, range.last});
    return found;
}

}  // namespace flexfs::vfs
