// The part of a transaction that handles file data: small files' bytes, extents, and the segments
// that they refer to.
#include <algorithm>
#include <cerrno>

#include "lib/base/check.h"
#include "lib/base/format.h"
#include "lib/meta/txn.h"
#include "lib/wire/cover.h"

namespace flexfs::meta {
namespace {

// The number of rows that one call removes by itself; Maintain removes the rest.
constexpr std::size_t dropped_extents_max = 1024;

}  // namespace

Result<void> Txn::room_for_bytes(std::uint64_t more) const {
    const std::uint64_t most = info().max_blocks * info().block_bytes;
    if (most == 0 || more == 0) return {};
    if (counters_.used_bytes > most || more > most - counters_.used_bytes) return fail(ENOSPC);
    return {};
}

void Txn::add_used(Inode& inode, std::int64_t bytes) {
    if (bytes == 0) return;
    inode.attr.used += static_cast<std::uint64_t>(bytes);
    counters_.used_bytes += static_cast<std::uint64_t>(bytes);
    changed(inode);
}

Result<std::uint64_t> Txn::inline_gain(const Inode& inode, std::uint64_t size) {
    if (!inode.has(has_unwritten)) return size;
    TRY(const std::vector<wire::Extent> rows, load_extents(st_, inode, 0, 0));
    return wire::covered_bytes(rows, size) - wire::covered_bytes(rows);
}

Result<void> Txn::put_inline(Inode& inode, const Small& small) {
    TRY(const Small before, inline_to_report(inode));
    TRY(remove_inline(inode));
    const ByteView data = small.data;
    const std::uint64_t first = inode.attr.ino * inline_pieces;
    const std::uint64_t version = data.empty() ? 0 : next_seq();
    report_inline(inode, before, {small.data, small.inline_bytes, version});
    for (std::uint64_t piece = 0; piece * inline_piece_bytes < data.size(); ++piece) {
        const std::size_t at = piece * inline_piece_bytes;
        const ByteView bytes = data.subspan(at, std::min(inline_piece_bytes, data.size() - at));
        const bool leads = piece == 0;
        TRY(st_.inline_put.run(first + piece, bytes, now_, leads ? small.inline_bytes : 0,
                               leads ? version : 0));
    }
    if (!data.empty()) inode.state |= has_inline;
    TRY(const std::uint64_t gain, inline_gain(inode, small.bytes()));
    add_used(inode, static_cast<std::int64_t>(gain));
    return {};
}

Result<void> Txn::cut_inline(Inode& inode, std::uint64_t bytes) {
    TRY(const Small small, load_inline(st_, inode));
    if (bytes >= small.bytes()) return {};
    if (!small.is_packed() || bytes == 0)
        return put_inline(inode, {.data = small.data.slice(0, bytes)});
    TRY(const std::uint64_t before, inline_gain(inode, small.bytes()));
    TRY(const std::uint64_t after, inline_gain(inode, bytes));
    add_used(inode, static_cast<std::int64_t>(after) - static_cast<std::int64_t>(before));
    const std::uint64_t version = next_seq();
    report_inline(inode, small, {small.data, static_cast<std::uint32_t>(bytes), version});
    return st_.inline_cut.run(inode.attr.ino * inline_pieces, bytes, now_, version);
}

Result<void> Txn::erase_inline(Inode& inode) {
    TRY(const Small before, inline_to_report(inode));
    report_inline(inode, before, {});
    return remove_inline(inode);
}

Result<void> Txn::remove_inline(Inode& inode) {
    if (!inode.has(has_inline)) return {};
    TRY(const Small small, load_inline(st_, inode));
    const std::uint64_t first = inode.attr.ino * inline_pieces;
    TRY(st_.inline_erase.run(first, first + inline_pieces - 1));
    inode.state &= ~std::uint32_t{has_inline};
    changed(inode);
    TRY(const std::uint64_t gain, inline_gain(inode, small.bytes()));
    add_used(inode, -static_cast<std::int64_t>(gain));
    return {};
}

Result<void> Txn::add_extent(Inode& inode, const wire::Extent& e) {
    const std::uint32_t kinds = has_extents | (e.is_unwritten() ? has_unwritten : 0);
    if (!e.is_unwritten()) {
        TRY(Segment * segment, segment(e.segment));
        check(segment);
        segment->live += e.stored;
        segment->dirty = true;
    }
    if ((inode.state & kinds) != kinds) {
        inode.state |= kinds;
        changed(inode);
    }
    if (observed()) report(std::nullopt, ExtentRow{inode.attr.ino, e});
    return st_.extent_add.run(inode.attr.ino, e.idx, e.seq, e.off, e.len, e.skip, e.segment, e.pos,
                              e.stored, e.check, now_, std::to_underlying(e.form),
                              as_bytes(e.chunks));
}

Result<void> Txn::trim_extent(Inode& inode, const wire::Extent& extent) {
    TRY(report_extent(inode.attr.ino, extent, true));
    return st_.extent_trim.run(inode.attr.ino, extent.idx, extent.seq, extent.len, now_);
}

Result<void> Txn::erase_extent(Ino ino, const wire::Extent& extent) {
    if (!extent.is_unwritten()) {
        TRY(Segment * segment, segment(extent.segment));
        if (!segment)
            return fail(damage(fmt::format("an extent of inode {} refers to the unknown segment {}",
                                           ino, extent.segment)));
        segment->live -= extent.stored;
        segment->dirty = true;
    }
    TRY(report_extent(ino, extent, false));
    return st_.extent_erase.run(ino, extent.idx, extent.seq);
}

Result<void> Txn::drop_extents(Inode& inode, std::uint64_t idx) {
    if (!inode.has(has_extents)) return {};
    TRY(const std::vector<Cut> cuts, load_cuts(st_, inode));
    std::vector<wire::Extent> dead;
    bool all = true;
    {
        db::Query query(st_.extent_list, inode.attr.ino, idx, INT64_MAX);
        for (;;) {
            TRY(bool row, query.next());
            if (!row) break;
            const wire::Extent extent = extent_from(query);
            if (dead.size() >= dropped_extents_max && extent.idx != dead.back().idx) {
                all = false;
                break;
            }
            dead.push_back(extent);
        }
    }
    for (auto block = dead.begin(); block != dead.end();) {
        const auto end = wire::block_end(block, dead.end());
        // Extents that a cut hides count as used until they are removed, in addition to those that
        // cover them.
        const auto hidden =
            std::partition(block, end, [&](const wire::Extent& e) { return !is_cut(cuts, e); });
        const std::uint64_t gone =
            wire::covered_bytes({block, hidden}) + wire::covered_bytes({hidden, end});
        for (auto extent = block; extent != end; ++extent)
            TRY(erase_extent(inode.attr.ino, *extent));
        add_used(inode, -static_cast<std::int64_t>(gone));
        block = end;
    }
    if (!all) {
        TRY(st_.cut_add.run(inode.attr.ino, dead.back().idx + 1, counters_.next_seq));
        inode.state |= has_cuts;
        cuts_exist();
    } else if (idx == 0) {
        inode.state &= ~std::uint32_t{has_extents | has_unwritten};
    }
    changed(inode);
    return {};
}

Result<Txn::Segment*> Txn::segment(SegmentId id) {
    if (auto known = segments_.find(id); known != segments_.end()) return &known->second;
    db::Query query(st_.segment_get, id);
    TRY(bool found, query.next());
    if (!found) return nullptr;
    const std::int64_t live = query.integer(1);
    const Segment loaded{
        .bytes = query.number(0), .live = live, .stored = true, .was_dead = live == 0};
    return &segments_.emplace(id, loaded).first->second;
}

Result<bool> Txn::is_usable(SegmentId id, bool listed) {
    TRY(Segment * known, segment(id));
    if (!known || !listed) return known ? !known->stored || known->live > 0 : listed;
    if (!known->stored || known->live > 0) return true;
    // The segment is dead, but its session uses it after all. This is allowed unless its deletion
    // has begun.
    db::Query query(st_.garbage_get, id);
    TRY(bool found, query.next());
    return found && query.integer(0) != condemned;
}

Result<void> Txn::check_segment(const wire::SegmentUse& use) {
    if (use.segment == 0) return fail(EINVAL);
    TRY(Segment * known, segment(use.segment));
    if (known || session_ == 0) return {};
    db::Query query(st_.reserved_find, session_, use.segment);
    TRY(bool found, query.next());
    if (!found || use.segment - query.number(0) >= query.number(1)) return fail(EINVAL);
    return {};
}

Result<void> Txn::open_segment(const wire::SegmentUse& use) {
    TRY(Segment * known, segment(use.segment));
    if (known) return {};
    segments_.emplace(use.segment, Segment{.bytes = use.bytes, .dirty = true, .session = session_});
    if (session_ == 0) return {};
    std::uint64_t first = 0;
    bool last = false;
    {
        db::Query query(st_.reserved_find, session_, use.segment);
        TRY(bool found, query.next());
        check(found);  // check_segment() has found it
        first = query.number(0);
        last = query.number(2) == 1;
    }
    return (last ? st_.reserved_erase : st_.reserved_use).run(session_, first);
}

Result<void> Txn::make_garbage(SegmentId segment) {
    return st_.garbage_add.run(segment, now_);
}

Result<void> Txn::flush() {
    for (const auto& [id, segment] : segments_) {
        if (!segment.dirty) continue;
        if (segment.live < 0)
            return fail(damage(fmt::format("segment {} has fewer live bytes than extents", id)));
        if (segment.stored) {
            TRY(st_.segment_live.run(id, segment.live));
        } else {
            TRY(st_.segment_add.run(id, segment.session, segment.bytes, segment.live, now_));
        }
        if (segment.live == 0) {
            TRY(make_garbage(id));
        } else if (segment.was_dead) {
            TRY(st_.garbage_erase.run(id));
        }
    }
    segments_.clear();
    return {};
}

}  // namespace flexfs::meta
