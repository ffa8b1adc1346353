#include "lib/vfs/parcel.h"

#include <algorithm>
#include <iterator>

#include "lib/block/segment.h"
#include "lib/block/small.h"

namespace flexfs::vfs {
namespace {

// Limits how long one transaction of the service takes.
constexpr std::size_t parts_max = 1024;
// Inline data is compressed on the loop's thread, all at once, in a few milliseconds.
constexpr std::size_t inline_bytes_max = 1 << 20;

// Returns the flight of the file in the parcel, beginning one if the parcel's last part belongs to
// another file.
Unsent::Ticket begin_flight(Parcel& parcel, Nodes& nodes, Node& node) {
    // Several blocks of one file may be added one by one.
    if (!parcel.parts.empty() && parcel.parts.back().node.get() == &node)
        return parcel.parts.back().flight;
    Parcel::Part part;
    part.node = nodes.pin(node);
    const Stored& stored = node.file()->stored();
    part.flight = node.file()->unsent().begin_flight(stored.inline_version(), stored.size());
    part.first_piece = parcel.pieces.size();
    parcel.parts.push_back(std::move(part));
    return parcel.parts.back().flight;
}

void take_block(Parcel& parcel, Unsent::Ticket flight, Node& node, std::uint64_t idx,
                std::uint64_t limit = UINT64_MAX) {
    File& file = *node.file();
    Parcel::Part& part = parcel.parts.back();
    const std::uint64_t start = idx * file.block_bytes;
    std::uint64_t next = UINT64_MAX;  // where the last span ended
    for (const Span& span :
         file.unsent().take(flight, {start, std::min(start + file.block_bytes, limit)})) {
        if (span.offset != next) {
            const auto off = static_cast<std::uint32_t>(span.offset - start);
            parcel.pieces.push_back({{node.ino(), idx, off}, {}});
            ++part.pieces;
        }
        next = span.end();
        parcel.pieces.back().data.push_back(span.buffer());
        parcel.bytes += span.bytes.size();
    }
}

// The data of a small file goes into the metadata as a whole.
void take_inline(Parcel& parcel, Unsent::Ticket flight, Node& node) {
    Unsent& unsent = node.file()->unsent();
    const Buffer& stored = node.file()->stored().inline_data();
    const std::size_t size = std::max<std::uint64_t>(stored.size(), unsent.dirty().end());
    WritableBuffer whole(size);
    std::fill_n(whole.data(), size, std::byte{0});
    std::ranges::copy(stored.view(), whole.data());
    for (const Span& span : unsent.take(flight, {0, size})) {
        std::ranges::copy(span.bytes, whole.data() + span.offset);
        parcel.bytes += span.bytes.size();
    }
    unsent.set_content(flight, std::move(whole).freeze());
    parcel.inline_bytes += size;
}

void pack_inline(wire::InodeCommit& change, const Buffer& content, wire::Compression compression) {
    change.set_inline = true;
    change.inline_data = block::pack_small(content, compression);
    change.inline_bytes = static_cast<std::uint32_t>(content.size());
}

// Adds the parts of `extent` that are not in `gone`.
void add_what_is_left(const Extent& extent, std::uint64_t block_bytes, const RangeSet& gone,
                      std::vector<Extent>& into) {
    const std::uint64_t start = extent.idx * block_bytes + extent.off;
    RangeSet left;
    left.add({start, start + extent.len});
    for (const Range& hole : gone.ranges()) left.remove(hole);
    for (const Range& range : left.ranges()) {
        const auto skipped = static_cast<std::uint32_t>(range.first - start);
        into.push_back(extent);
        into.back().off += skipped;
        into.back().skip += skipped;
        into.back().len = static_cast<std::uint32_t>(range.last - range.first);
    }
}

}  // namespace

bool Parcel::has_room() const {
    return bytes < bytes_max && parts.size() < parts_max && inline_bytes < inline_bytes_max;
}

bool gather(Parcel& parcel, Nodes& nodes, Node& node, const wire::VolumeInfo& volume) {
    File& file = *node.file();
    const Stored& stored = file.stored();
    const Layer& dirty = file.unsent().dirty();
    if (dirty.empty() || !parcel.has_room() || node.is_released()) return false;
    // The service would refuse extents over inline data that the commit does not clear.
    if (!stored.knows_inline()) return false;
    Unsent& unsent = file.unsent();
    if (!unsent.can_take(false)) return false;
    unsent.place_appended(stored.size(), node.is_exclusive());
    const bool small = file.is_small(volume.inline_bytes);
    const bool leaves_inline = !small && !stored.inline_data().empty();
    if (!unsent.can_take(small || leaves_inline)) return false;

    // The service moves all extents of a commit that appends, so other data is sent first.
    std::vector<Span> aside;
    if (!small && !leaves_inline) aside = unsent.set_appended_aside();
    const Unsent::Ticket flight = begin_flight(parcel, nodes, node);
    if (small) {
        take_inline(parcel, flight, node);
    } else {
        if (leaves_inline) unsent.lift_inline(flight, stored.inline_data());
        const std::uint64_t end = unsent.end_of_flight(parcel.bytes_max - parcel.bytes);
        const auto first = [&] { return dirty.all().begin()->first; };
        while (!dirty.empty() && first() < end &&
               (parcel.bytes < parcel.bytes_max || end != UINT64_MAX))
            take_block(parcel, flight, node, first() / file.block_bytes, end);
    }
    if (aside.empty()) unsent.filled(flight);
    else unsent.put_appended_back(std::move(aside));
    return true;
}

bool gather_block(Parcel& parcel, Nodes& nodes, Node& node, std::uint64_t idx) {
    const File& file = *node.file();
    const Stored& stored = file.stored();
    const Range range{idx * file.block_bytes, (idx + 1) * file.block_bytes};
    if (!stored.inline_data().empty() || !stored.knows_inline() || node.is_released()) return false;
    const Unsent& unsent = file.unsent();
    if (unsent.floats() || !unsent.can_take(false)) return false;
    if (!unsent.dirty().covers(range)) return false;
    take_block(parcel, begin_flight(parcel, nodes, node), node, idx);
    return true;
}

ParcelCommit make_commit(Parcel& parcel, const cache::Packed* packed,
                         wire::Compression compression) {
    ParcelCommit commit;
    wire::Commit& request = commit.request;
    if (packed) request.segments.push_back(packed->segment);
    for (std::size_t i = 0; i < parcel.parts.size(); ++i) {
        const Parcel::Part& part = parcel.parts[i];
        Node& node = *part.node;
        if (node.is_released()) continue;
        node.file()->unsent().send(part.flight);
        const Flight& flight = *part.flight;
        wire::InodeCommit change;
        change.ino = node.ino();
        change.mtime = flight.mtime();
        change.kill_privileges = flight.loss() >= Loss::privileges;
        change.kill_setgid = flight.loss() == Loss::setgid_too;
        change.keep_capability = flight.loss() == Loss::none;
        if (flight.is_inline()) pack_inline(change, flight.content(), compression);
        change.clear_inline = flight.clears_inline();
        // This is so with the exclusive grant too: it may have been lost and regained since.
        change.inline_base = flight.inline_base();
        change.append_at = flight.append_at();
        change.expected_size = flight.expected_size();
        for (std::size_t piece = part.first_piece; piece < part.first_piece + part.pieces;
             ++piece) {
            add_what_is_left(packed->extents[piece], node.file()->block_bytes, flight.gone(),
                             change.extents);
        }
        request.inodes.push_back(std::move(change));
        commit.parts.push_back(i);
    }
    request.durable = parcel.durable;
    request.now = wall_now();
    return commit;
}

}  // namespace flexfs::vfs
