#include <algorithm>
#include <cerrno>

#include "lib/meta/operations.h"
#include "lib/wire/cover.h"

namespace flexfs::meta {
namespace {

constexpr std::size_t extents_max = 1024;  // of the source, in one transaction

Result<void> check_ranges(const wire::CopyRange& request) {
    const std::uint64_t most = wire::file_bytes_max;
    if (request.offset > most || request.length > most - request.offset) return fail(EFBIG);
    if (request.from != request.ino) return {};
    const std::uint64_t low = std::min(request.from_offset, request.offset);
    const std::uint64_t high = std::max(request.from_offset, request.offset);
    return high - low < request.length ? fail(EINVAL) : Result<void>();
}

// Appends the part of `row` within the source's bytes [first, last) to `into`, moved so that
// `first` lands at `offset`; it becomes two rows if it crosses the border of a block.
void place(const wire::Extent& row, std::uint64_t first, std::uint64_t last, std::uint64_t offset,
           std::uint64_t block_bytes, std::vector<wire::Extent>& into) {
    const std::uint64_t start = row.idx * block_bytes + row.off;
    std::uint64_t at = std::max(start, first);
    const std::uint64_t end = std::min(start + row.len, last);
    while (at < end) {
        const std::uint64_t target = offset + (at - first);
        const std::uint64_t off = target % block_bytes;
        const std::uint64_t len = std::min(end - at, block_bytes - off);
        wire::Extent placed = row;
        placed.idx = target / block_bytes;
        placed.off = static_cast<std::uint32_t>(off);
        placed.len = static_cast<std::uint32_t>(len);
        placed.skip = row.skip + static_cast<std::uint32_t>(at - start);
        into.push_back(placed);
        at += len;
    }
}

// Returns how many more bytes the file uses with `placed`, which lies where it has no data.
Result<std::int64_t> gain_of(Txn& tx, const Inode& file, std::vector<wire::Extent> placed) {
    std::ranges::sort(placed, {}, &wire::Extent::idx);
    std::uint64_t gained = 0;
    std::vector<wire::Extent> rows;
    for (auto block = placed.begin(); block != placed.end();) {
        const auto end = wire::block_end(block, placed.end());
        rows.clear();
        if (file.has(has_unwritten)) {
            TRY(rows, load_extents(tx.st(), file, block->idx, block->idx));
            std::erase_if(rows, [](const wire::Extent& row) { return !row.is_unwritten(); });
        }
        const std::uint64_t room = wire::covered_bytes(rows);
        rows.insert(rows.end(), block, end);
        gained += wire::covered_bytes(rows) - room;
        block = end;
    }
    return static_cast<std::int64_t>(gained);
}

// Plans the copy of the source's bytes [first, last), or of as many as one step takes, to `offset`.
Result<RangePlan> plan_copy(Txn& tx, const Inode& from, std::uint64_t first, std::uint64_t last,
                            const Inode& to, std::uint64_t offset) {
    const std::uint64_t block_bytes = tx.info().block_bytes;
    TRY(const Blocks source,
        load_blocks(tx.st(), from, first / block_bytes, (last - 1) / block_bytes, extents_max));
    if (source.more) last = std::min(last, (source.extents.back().idx + 1) * block_bytes);
    TRY(RangePlan plan, plan_hole(tx, to, offset, offset + (last - first), Hole::data));
    last = first + (plan.end - offset);
    std::vector<wire::Extent> placed;
    for (const wire::Extent& row : source.extents)
        if (!row.is_unwritten()) place(row, first, last, offset, block_bytes, placed);
    TRY(const std::int64_t gained, gain_of(tx, to, placed));
    plan.gained += gained;
    plan.added.insert(plan.added.end(), placed.begin(), placed.end());
    return plan;
}

}  // namespace

// A frame's header names the block that it was made for, but readers do not check that: the row's
// check binds it to the frame. A segment's live bytes count a frame once for each row.
Result<wire::RangeDone> copy_range(Txn& tx, const wire::CopyRange& request) {
    TRY(Inode * from, tx.file(request.from));
    TRY(Inode * file, tx.file(request.ino));
    TRY(check_ranges(request));
    TRY(flags_let_allocate(*file, 0));
    TRY(const Small small, load_inline(tx.st(), *from));
    if (request.from_offset < small.bytes()) return fail(EAGAIN);
    const std::uint64_t first = request.from_offset;
    wire::Attr& attr = file->attr;
    if (first >= from->attr.size || request.length == 0) return wire::RangeDone{.attr = attr};
    const std::uint64_t last = first + std::min(request.length, from->attr.size - first);
    TRY(const RangePlan plan, plan_copy(tx, *from, first, last, *file, request.offset));
    // A file has either inline data or extents.
    if (file->has(has_inline) && !plan.added.empty()) return fail(EAGAIN);
    if (plan.gained > 0) TRY(tx.room_for_bytes(static_cast<std::uint64_t>(plan.gained)));

    TRY(zero_inline(tx, *file, request.offset, plan.end));
    TRY(apply_plan(tx, *file, plan));
    attr.size = std::max(attr.size, plan.end);
    attr.mtime = attr.ctime = request.now;
    tx.changed(*file);
    TRY(request.kill_privileges ? kill_privileges(tx, *file, request.kill_setgid)
                                : drop_capability(tx, *file));
    TRY(const Small left, load_inline(tx.st(), *file));
    return wire::RangeDone{
        .attr = attr, .length = plan.end - request.offset, .inline_version = left.version};
}

}  // namespace flexfs::meta
