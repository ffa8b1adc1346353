#include "lib/vfs/file.h"

#include <algorithm>

namespace flexfs::vfs {
namespace {

// A file that is written at random has thousands of pieces, too many to walk through for each stat.
constexpr std::size_t gain_spans_max = 256;

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

// Moves what the layer has of each gap to `found`; the rest stays in `gaps`.
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

// The same with what `extent` has of each gap of its block, which begins at `start`.
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
        source.kind = extent.is_unwritten() ? Source::Kind::unwritten : Source::Kind::frame;
        source.range = both;
        if (!extent.is_unwritten()) source.frame = cache::FrameAt::of(extent);
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
        if (!extents.knows(idx)) {
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

// Returns where the data of a block from `offset` on begins; UINT64_MAX if there is none.
std::uint64_t data_in(std::span<const Extent> rows, std::uint64_t start, std::uint64_t offset) {
    std::uint64_t first = UINT64_MAX;
    for (const Extent& row : rows)
        if (!row.is_unwritten() && start + row.off + row.len > offset)
            first = std::min(first, std::max(offset, start + row.off));
    return first;
}

}  // namespace

std::uint64_t File::unsent_gain() const {
    std::vector<Range> unsent;
    std::uint64_t bytes = 0;
    const auto add = [&](const Layer& layer) {
        bytes += layer.bytes();
        if (unsent.size() > gain_spans_max) return;
        for (const auto& [offset, span] : layer.all()) unsent.push_back({offset, span.end()});
    };
    add(unsent_.dirty());
    for (const Flight& flight : unsent_.flights()) add(flight.data());
    if (unsent.size() > gain_spans_max) return bytes;

    std::ranges::sort(unsent, {}, &Range::first);
    std::vector<Source> stored;
    std::uint64_t next = stored_.inline_data().size();
    for (Range range : unsent) {
        range.first = std::max(range.first, next);
        if (range.first >= range.last) continue;
        look_into(stored_.extents(), block_bytes, range, stored);
        next = range.last;
    }
    bytes = 0;
    for (const Source& source : stored)
        if (source.is_new_room()) bytes += source.range.last - source.range.first;
    return bytes;
}

std::uint64_t File::without_room(Range range) const {
    std::uint64_t bytes = 0;
    for (const Source& source : sources(range))
        if (source.is_new_room()) bytes += source.range.last - source.range.first;
    return bytes;
}

std::vector<Source> File::sources(Range range) const {
    std::vector<Source> found;
    std::vector<Range> gaps{range};
    look_into(unsent_.dirty(), gaps, found);
    const std::list<Flight>& flights = unsent_.flights();
    for (auto flight = flights.rbegin(); flight != flights.rend() && !gaps.empty(); ++flight)
        look_into(flight->data(), gaps, found);
    if (!stored_.inline_data().empty()) look_into(stored_.inline_data(), gaps, found);
    for (const Range& gap : gaps) look_into(stored_.extents(), block_bytes, gap, found);
    std::ranges::sort(found, {}, [](const Source& source) { return source.range.first; });
    return found;
}

File::Place File::next_data(std::uint64_t offset) const {
    const ExtentMap& extents = stored_.extents();
    std::uint64_t first = std::min(size(), unsent_.dirty().next(offset).first);
    for (const Flight& flight : unsent_.flights())
        first = std::min(first, flight.data().next(offset).first);
    if (offset < stored_.inline_data().size()) first = std::min(first, offset);
    for (std::uint64_t idx = offset / block_bytes; idx * block_bytes < first;) {
        const std::uint64_t end = (first - 1) / block_bytes + 1;
        const std::uint64_t block = std::min(end, extents.next_block(idx));
        if (const std::uint64_t unknown = extents.first_unknown(idx, block); unknown < block)
            return {std::max(offset, unknown * block_bytes), true};
        if (block == end) break;
        first = std::min(first, data_in(extents.block(block), block * block_bytes, offset));
        idx = block + 1;
    }
    return {first, false};
}

File::Place File::next_hole(std::uint64_t offset) const {
    const ExtentMap& extents = stored_.extents();
    const std::uint64_t end = size();
    const auto pass = [&](Range data) {
        if (data.first <= offset) offset = std::max(offset, data.last);
    };
    while (offset < end) {
        const std::uint64_t before = offset;
        pass(unsent_.dirty().next(offset));
        for (const Flight& flight : unsent_.flights()) pass(flight.data().next(offset));
        pass({0, stored_.inline_data().size()});
        if (offset != before) continue;
        const std::uint64_t idx = offset / block_bytes, start = idx * block_bytes;
        if (!extents.knows(idx)) return {offset, true};
        for (const Extent& row : extents.block(idx))
            if (!row.is_unwritten()) pass({start + row.off, start + row.off + row.len});
        if (offset == before) break;
    }
    return {std::min(offset, end), false};
}

void File::learn_size(std::uint64_t size) {
    stored_.learn_size(size);
    unsent_.place_appended(size, false);
}

Unsent::Removed File::drop(Range gone) {
    Unsent::Removed taken = unsent_.drop(gone);
    stored_.drop(gone);
    return taken;
}

// Space that is reserved behind the end stays reserved when the file grows.
Unsent::Removed File::cut(std::uint64_t size) {
    Unsent::Removed taken;
    if (size <= this->size()) taken = drop({size, UINT64_MAX});
    unsent_.resized(size);
    stored_.learn_size(size);
    return taken;
}

Unsent::Removed File::punch(Range range) {
    stored_.learn_size(size());
    return drop(range);
}

}  // namespace flexfs::vfs
