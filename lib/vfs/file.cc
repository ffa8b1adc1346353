#include "lib/vfs/file.h"

#include <algorithm>

namespace flexfs::vfs {
namespace {

Source hole(Range range) {
    Source source;
    source.range = range;
    return source;
}

void add_memory(std::vector<Source>& into, const Span& span) {
    Source source;
    source.kind = Source::Kind::memory;
    source.range = {span.offset, span.end()};
    source.bytes = span.buffer();
    into.push_back(std::move(source));
}

// What the layer has of each gap goes to `found`; what it has not stays in `gaps`.
void look_into(const Layer& layer, std::vector<Range>& gaps, std::vector<Source>& found) {
    if (layer.empty()) return;
    std::vector<Range> left;
    for (const Range& gap : gaps) {
        for (const Span& span : layer.find(gap)) add_memory(found, span);
        for (const Range& part : layer.gaps(gap)) left.push_back(part);
    }
    gaps = std::move(left);
}

void look_into(const Buffer& inline_data, std::vector<Range>& gaps, std::vector<Source>& found) {
    std::vector<Range> left;
    for (const Range& gap : gaps) {
        const std::uint64_t end = std::min<std::uint64_t>(gap.last, inline_data.size());
        if (end > gap.first) {
            Source source;
            source.kind = Source::Kind::memory;
            source.range = {gap.first, end};
            source.bytes = inline_data.slice(gap.first, end - gap.first);
            found.push_back(std::move(source));
        }
        if (std::max(end, gap.first) < gap.last)
            left.push_back({std::max(end, gap.first), gap.last});
    }
    gaps = std::move(left);
}

// What `extent` has of each gap of its block, which begins at `start`.
void look_into(const Extent& extent, std::uint64_t start, std::vector<Range>& gaps,
               std::vector<Source>& found) {
    const Range covered{start + extent.off, start + extent.off + extent.len};
    std::vector<Range> left;
    for (const Range& gap : gaps) {
        const Range both{std::max(gap.first, covered.first), std::min(gap.last, covered.last)};
        if (both.first >= both.last) {
            left.push_back(gap);
            continue;
        }
        Source source;
        source.kind = Source::Kind::frame;
        source.range = both;
        source.frame = {extent.segment, extent.pos, extent.stored, extent.check};
        source.skip = extent.skip + static_cast<std::uint32_t>(both.first - covered.first);
        found.push_back(std::move(source));
        if (gap.first < both.first) left.push_back({gap.first, both.first});
        if (both.last < gap.last) left.push_back({both.last, gap.last});
    }
    gaps = std::move(left);
}

void look_into(const ExtentMap& extents, std::uint32_t block_bytes, Range gap,
               std::vector<Source>& found) {
    for (std::uint64_t idx = gap.first / block_bytes; idx * block_bytes < gap.last; ++idx) {
        const std::uint64_t start = idx * block_bytes;
        std::vector<Range> gaps{
            {std::max(gap.first, start), std::min(gap.last, start + block_bytes)}};
        if (extents.first_unknown(idx, idx + 1) == idx) {
            found.push_back(hole(gaps[0]));
            found.back().kind = Source::Kind::unknown;
            continue;
        }
        const auto rows = extents.block(idx);
        for (auto row = rows.rbegin(); row != rows.rend() && !gaps.empty(); ++row)
            look_into(*row, start, gaps, found);
        for (const Range& left : gaps) found.push_back(hole(left));
    }
}

}  // namespace

std::uint64_t File::unsent_bytes() const {
    std::uint64_t bytes = dirty.bytes();
    for (const Flight& flight : flights) bytes += flight.data.bytes();
    return bytes;
}

std::uint64_t File::size() const {
    std::uint64_t size = std::max(committed_size, dirty.end());
    for (const Flight& flight : flights) size = std::max(size, flight.data.end());
    return size;
}

std::vector<Source> File::sources(Range range) const {
    std::vector<Source> found;
    std::vector<Range> gaps{range};
    look_into(dirty, gaps, found);
    for (auto flight = flights.rbegin(); flight != flights.rend() && !gaps.empty(); ++flight)
        look_into(flight->data, gaps, found);
    if (!inline_data.empty()) look_into(inline_data, gaps, found);
    for (const Range& gap : gaps) look_into(extents, block_bytes, gap, found);
    std::ranges::sort(found, {}, [](const Source& source) { return source.range.first; });
    return found;
}

std::vector<Span> File::cut(std::uint64_t size) {
    const Range gone{size, UINT64_MAX};
    std::vector<Span> taken = dirty.take(gone);
    // The newest first: put_under() then restores what lay on top.
    for (auto flight = flights.rbegin(); flight != flights.rend(); ++flight) {
        for (Span& span : flight->data.take(gone)) taken.push_back(std::move(span));
        flight->clip = std::min(flight->clip, size);
        if (flight->content.size() > size) flight->content = flight->content.slice(0, size);
    }
    if (inline_data.size() > size) inline_data = Buffer::copy_of(inline_data.slice(0, size).view());
    extents.cut(size);
    committed_size = std::min(committed_size, size);
    return taken;
}

void File::put_back(std::list<Flight>::iterator flight) {
    for (const auto& [offset, span] : flight->data.all()) {
        std::vector<Range> gaps{{span.offset, span.end()}};
        for (auto newer = std::next(flight); newer != flights.end(); ++newer) {
            std::vector<Range> left;
            for (const Range& gap : gaps)
                for (const Range& part : newer->data.gaps(gap)) left.push_back(part);
            gaps = std::move(left);
        }
        for (const Range& gap : gaps) dirty.put_under(span.slice(gap.first, gap.last));
    }
    flights.erase(flight);
}

void File::forget_stored() {
    inline_known = false;
    inline_data = {};
    extents.forget();
}

void File::learn(const wire::Entry& entry) {
    if (entry.has_data) {
        inline_known = true;
        inline_data = entry.inline_data;
        extents.learn_all(entry.extents);
    } else if (!inline_known) {
        // Only a file with many extents comes without them, and it has nothing inline.
        inline_known = true;
        inline_data = {};
    }
}

void File::fail_with(int code) {
    ++failure.count;
    failure.code = code;
}

}  // namespace flexfs::vfs
