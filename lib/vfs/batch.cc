#include "lib/vfs/batch.h"

#include <algorithm>
#include <iterator>

#include "lib/block/segment.h"
#include "lib/block/small.h"

namespace flexfs::vfs {
namespace {

// Bounds how long one transaction of the service takes.
constexpr std::size_t parts_max = 1024;
// It is compressed on the loop's thread, all at once: a few milliseconds.
constexpr std::size_t inline_bytes_max = 1 << 20;

Flight& begin_flight(Batch& batch, Nodes& nodes, Node& node) {
    // Several blocks of one file may come one by one.
    if (!batch.parts.empty() && batch.parts.back().node.get() == &node)
        return *batch.parts.back().flight;
    File& file = *node.file;
    file.flights.emplace_back().id = ++file.last_flight;
    Batch::Part part;
    part.node = nodes.pin(node);
    part.flight = std::prev(file.flights.end());
    part.first_piece = batch.pieces.size();
    batch.parts.push_back(std::move(part));
    return *batch.parts.back().flight;
}

void take_block(Batch& batch, Flight& flight, Node& node, std::uint64_t idx) {
    File& file = *node.file;
    Batch::Part& part = batch.parts.back();
    const std::uint64_t start = idx * file.block_bytes;
    std::uint64_t next = UINT64_MAX;  // where the last span ended
    for (Span& span : file.dirty.take({start, start + file.block_bytes})) {
        if (span.offset != next) {
            const auto off = static_cast<std::uint32_t>(span.offset - start);
            batch.pieces.push_back({{node.attr.ino, idx, off}, {}});
            ++part.pieces;
        }
        next = span.end();
        batch.pieces.back().data.push_back(span.buffer());
        batch.bytes += span.bytes.size();
        part.spans.push_back(span);
        flight.data.put(std::move(span));
    }
}

// A file so small that it lives in the metadata goes there as a whole.
void take_inline(Batch& batch, Flight& flight, Node& node) {
    File& file = *node.file;
    const std::size_t size = std::max<std::uint64_t>(file.inline_data.size(), file.dirty.end());
    WritableBuffer whole(size);
    std::fill_n(whole.data(), size, std::byte{0});
    std::ranges::copy(file.inline_data.view(), whole.data());
    Batch::Part& part = batch.parts.back();
    for (Span& span : file.dirty.take({0, size})) {
        std::ranges::copy(span.bytes, whole.data() + span.offset);
        batch.bytes += span.bytes.size();
        part.spans.push_back(span);
        flight.data.put(std::move(span));
    }
    flight.is_inline = true;
    flight.content = std::move(whole).freeze();
    batch.inline_bytes += size;
}

void pack_inline(wire::InodeCommit& change, const Buffer& content, wire::Compression compression) {
    change.set_inline = true;
    change.inline_data = block::pack_small(content, compression);
    if (change.inline_data.empty()) change.inline_data = content;
    else change.inline_bytes = static_cast<std::uint32_t>(content.size());
}

// The bytes that lived in the metadata move to frames: those that were not written anew join what
// was. They are few, and their memory is counted with the node.
void lift_inline(File& file) {
    auto chunk = std::make_shared<Chunk>();
    chunk->kept = file.inline_data;
    file.dirty.put_under({0, chunk, chunk->kept.view()});
}

// The parts of `extent` that are not gone.
void add_what_is_left(const Extent& extent, std::uint64_t block_bytes,
                      const std::vector<Range>& gone, std::vector<Extent>& into) {
    const std::uint64_t start = extent.idx * block_bytes + extent.off;
    std::vector<Range> left{{start, start + extent.len}};
    for (const Range& hole : gone) {
        std::vector<Range> parts;
        for (const Range& range : left) {
            if (range.first < hole.first)
                parts.push_back({range.first, std::min(range.last, hole.first)});
            if (range.last > hole.last)
                parts.push_back({std::max(range.first, hole.last), range.last});
        }
        left = std::move(parts);
    }
    for (const Range& range : left) {
        const auto skipped = static_cast<std::uint32_t>(range.first - start);
        into.push_back(extent);
        into.back().off += skipped;
        into.back().skip += skipped;
        into.back().len = static_cast<std::uint32_t>(range.last - range.first);
    }
}

}  // namespace

bool Batch::has_room() const {
    return bytes < bytes_max && parts.size() < parts_max && inline_bytes < inline_bytes_max;
}

bool gather(Batch& batch, Nodes& nodes, Node& node, const wire::VolumeInfo& volume) {
    File& file = *node.file;
    if (file.dirty.empty() || !batch.has_room() || node.released) return false;
    // Extents over inline data that nobody takes away would be refused.
    if (!file.inline_known) return false;
    const bool small = file.is_small(volume.inline_bytes);
    const bool leaves_inline = !small && !file.inline_data.empty();
    // What is inline is one whole, not layers: the next version of it needs the outcome of the
    // last.
    const bool blocked = (small || leaves_inline)
                             ? !file.flights.empty()
                             : !file.flights.empty() && (file.flights.back().is_inline ||
                                                         file.flights.back().clear_inline);
    if (blocked) return false;

    Flight& flight = begin_flight(batch, nodes, node);
    if (small) {
        take_inline(batch, flight, node);
        return true;
    }
    if (leaves_inline) {
        lift_inline(file);
        flight.clear_inline = true;
    }
    while (!file.dirty.empty() && batch.bytes < batch.bytes_max)
        take_block(batch, flight, node, file.dirty.all().begin()->first / file.block_bytes);
    return true;
}

bool gather_block(Batch& batch, Nodes& nodes, Node& node, std::uint64_t idx) {
    File& file = *node.file;
    const Range range{idx * file.block_bytes, (idx + 1) * file.block_bytes};
    if (!file.inline_data.empty() || !file.inline_known || node.released) return false;
    if (!file.flights.empty() &&
        (file.flights.back().is_inline || file.flights.back().clear_inline))
        return false;
    if (!file.dirty.covers(range)) return false;
    take_block(batch, begin_flight(batch, nodes, node), node, idx);
    return true;
}

wire::Commit make_commit(Batch& batch, const cache::Packed* packed, wire::Compression compression,
                         std::vector<std::size_t>& which) {
    wire::Commit request;
    if (packed) request.segments.push_back(packed->segment);
    for (std::size_t i = 0; i < batch.parts.size(); ++i) {
        Batch::Part& part = batch.parts[i];
        Node& node = *part.node;
        if (node.released) continue;
        File& file = *node.file;
        Flight& flight = *part.flight;
        wire::InodeCommit change;
        change.ino = node.attr.ino;
        change.mtime = flight.mtime = std::exchange(file.mtime, 0);
        flight.loss = std::exchange(file.loss, Loss::none);
        change.kill_privileges = flight.loss == Loss::privileges;
        change.keep_capability = flight.loss == Loss::none;
        if (flight.is_inline) pack_inline(change, flight.content, compression);
        change.clear_inline = flight.clear_inline;
        for (std::size_t piece = part.first_piece; piece < part.first_piece + part.pieces;
             ++piece) {
            add_what_is_left(packed->extents[piece], file.block_bytes, flight.gone, change.extents);
        }
        flight.sent = true;
        batch.durable |= file.durable_waiters > 0;
        request.inodes.push_back(std::move(change));
        which.push_back(i);
    }
    request.durable = batch.durable;
    request.now = wall_now();
    return request;
}

}  // namespace flexfs::vfs
