// Punches holes into ranges of a file and reserves space for ranges: rows of its extents are
// removed, shortened, split and added.
#include <algorithm>
#include <cerrno>

#include "lib/meta/operations.h"
#include "lib/wire/cover.h"

namespace flexfs::meta {
namespace {

// These bound how long one transaction takes.
constexpr std::size_t extents_max = 1024;
constexpr std::uint64_t blocks_max = 1024;

using Rows = std::span<const wire::Extent>;

// A part of a block.
struct Part {
    std::uint64_t first = 0, last = 0;

    static Part of(std::uint64_t start, std::uint64_t block_bytes, std::uint64_t first,
                   std::uint64_t last) {
        return {std::max(first, start) - start, std::min(last - start, block_bytes)};
    }
    bool touches(const wire::Extent& row) const {
        return row.off <= last && std::uint64_t{row.off} + row.len >= first;
    }
};

// Appends to `left` what remains of a block's `rows` around the hole. Of unwritten rows only whole
// pages are removed. Returns false if nothing was removed.
bool cut_around(Rows rows, Part hole, Hole which, std::vector<wire::Extent>& left) {
    bool touched = false;
    for (const wire::Extent& row : rows) {
        const std::uint64_t end = std::uint64_t{row.off} + row.len;
        const bool unwritten = row.is_unwritten();
        const std::uint64_t first = unwritten ? wire::page_ceil(hole.first) : hole.first;
        const std::uint64_t last = unwritten ? wire::page_floor(hole.last) : hole.last;
        if (end <= first || row.off >= last || first >= last ||
            (unwritten && which == Hole::data)) {
            left.push_back(row);
            continue;
        }
        touched = true;
        if (row.off < first) {
            left.push_back(row);
            left.back().len = static_cast<std::uint32_t>(first - row.off);
        }
        if (end > last) {
            const auto gone = static_cast<std::uint32_t>(last - row.off);
            left.push_back(row);
            left.back().off += gone;
            left.back().len -= gone;
            if (!unwritten) left.back().skip += gone;
        }
    }
    return touched;
}

// Adds an unwritten extent, also below data. It is merged with those that it touches, so that a
// file whose space is reserved little by little does not collect rows. False: the space was
// reserved already.
bool add_room(std::vector<wire::Extent>& rows, std::uint64_t idx, Part part) {
    const auto has_all = [&](const wire::Extent& row) {
        return row.is_unwritten() && row.off <= part.first &&
               std::uint64_t{row.off} + row.len >= part.last;
    };
    if (std::ranges::any_of(rows, has_all)) return false;
    std::erase_if(rows, [&](const wire::Extent& row) {
        if (!row.is_unwritten() || !part.touches(row)) return false;
        part.first = std::min<std::uint64_t>(part.first, row.off);
        part.last = std::max<std::uint64_t>(part.last, std::uint64_t{row.off} + row.len);
        return true;
    });
    rows.push_back({.idx = idx,
                    .off = static_cast<std::uint32_t>(part.first),
                    .len = static_cast<std::uint32_t>(part.last - part.first)});
    return true;
}

std::int64_t gain(Rows before, Rows after, std::uint64_t small) {
    return static_cast<std::int64_t>(wire::covered_bytes(after, small)) -
           static_cast<std::int64_t>(wire::covered_bytes(before, small));
}

}  // namespace

// All rows of a block that is touched get a new seq: the two parts of a split row need two, both
// below the rows that lay over it, and a compaction that has read the block must notice the change.
Result<RangePlan> plan_hole(Txn& tx, const Inode& file, std::uint64_t first, std::uint64_t last,
                            Hole hole) {
    RangePlan plan;
    plan.end = last;
    if (first >= last || !file.has(has_extents)) return plan;
    const std::uint64_t block_bytes = tx.info().block_bytes;
    TRY(const Small small, load_inline(tx.st(), file));
    TRY(const Blocks blocks,
        load_blocks(tx.st(), file, first / block_bytes, (last - 1) / block_bytes, extents_max));
    const auto& rows = blocks.extents;
    if (blocks.more) plan.end = std::min(last, (rows.back().idx + 1) * block_bytes);
    for (auto block = rows.begin(); block != rows.end();) {
        const auto end = wire::block_end(block, rows.end());
        const std::uint64_t start = block->idx * block_bytes;
        std::vector<wire::Extent> left;
        const Part part = Part::of(start, block_bytes, first, last);
        if (cut_around({block, end}, part, hole, left)) {
            plan.gained += gain({block, end}, left, start == 0 ? small.bytes() : 0);
            plan.dropped.insert(plan.dropped.end(), block, end);
            plan.added.insert(plan.added.end(), left.begin(), left.end());
        }
        block = end;
    }
    return plan;
}

Result<RangePlan> plan_room(Txn& tx, const Inode& file, std::uint64_t first, std::uint64_t last,
                            bool zero) {
    RangePlan plan;
    const std::uint64_t block_bytes = tx.info().block_bytes;
    const std::uint64_t room = wire::page_floor(first), room_end = wire::page_ceil(last);
    std::uint64_t idx = room / block_bytes;
    std::uint64_t end = std::min((room_end - 1) / block_bytes + 1, idx + blocks_max);
    TRY(const Small small, load_inline(tx.st(), file));
    TRY(const Blocks blocks, load_blocks(tx.st(), file, idx, end - 1, extents_max));
    if (blocks.more) end = blocks.extents.back().idx + 1;
    plan.end = std::min(last, end * block_bytes);
    for (auto block = blocks.extents.begin(); idx < end; ++idx) {
        const auto next = std::find_if(block, blocks.extents.end(),
                                       [&](const wire::Extent& row) { return row.idx > idx; });
        const Rows rows(block, next);
        const std::uint64_t start = idx * block_bytes, inline_here = idx == 0 ? small.bytes() : 0;
        std::vector<wire::Extent> after;
        const Part zeros = Part::of(start, block_bytes, first, last);
        const bool cut = zero && cut_around(rows, zeros, Hole::data, after);
        if (!cut) after.assign(rows.begin(), rows.end());
        const Part part = Part::of(start, block_bytes, room, room_end);
        if (add_room(after, idx, part) || cut) {
            plan.gained += gain(rows, after, inline_here);
            // Unchanged rows keep their seq, unless others were split.
            const auto changes = [&](const auto& in, const wire::Extent& row) {
                return cut || std::ranges::find(in, row) == in.end();
            };
            for (const wire::Extent& row : rows)
                if (changes(after, row)) plan.dropped.push_back(row);
            for (const wire::Extent& row : after)
                if (changes(rows, row)) plan.added.push_back(row);
        }
        block = next;
    }
    return plan;
}

Result<void> apply_plan(Txn& tx, Inode& file, const RangePlan& plan) {
    for (const wire::Extent& extent : plan.dropped) TRY(tx.erase_extent(file.attr.ino, extent));
    for (wire::Extent extent : plan.added) {
        extent.seq = tx.next_seq();
        TRY(tx.add_extent(file, extent));
    }
    tx.add_used(file, plan.gained);
    return {};
}

Result<void> zero_inline(Txn& tx, Inode& file, std::uint64_t first, std::uint64_t last) {
    if (!file.has(has_inline)) return {};
    TRY(const Small small, load_inline(tx.st(), file));
    if (first >= small.bytes()) return {};
    if (last >= small.bytes()) return tx.cut_inline(file, first);
    if (small.is_packed()) return fail(EAGAIN);
    // Older programs knew only this form and have acknowledged such calls, so that a journal may
    // contain them.
    std::vector<std::byte> data(small.data.view().begin(), small.data.view().end());
    std::fill(data.begin() + static_cast<std::ptrdiff_t>(first),
              data.begin() + static_cast<std::ptrdiff_t>(last), std::byte{0});
    return tx.put_inline(file, {.data = Buffer::take(std::move(data))});
}

}  // namespace flexfs::meta
