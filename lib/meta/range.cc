// Holes in ranges of a file: rows of its extents go, shrink or are split.
#include <algorithm>

#include "lib/meta/cover.h"
#include "lib/meta/operations.h"

namespace flexfs::meta {
namespace {

// Bounds how long one transaction takes.
constexpr std::size_t extents_max = 1024;

// What is left of a block's `rows` around the hole [first, last) in it; false where that is all.
bool cut_around(std::span<const wire::Extent> rows, std::uint64_t first, std::uint64_t last,
                std::vector<wire::Extent>& left) {
    bool touched = false;
    for (const wire::Extent& row : rows) {
        const std::uint64_t end = std::uint64_t{row.off} + row.len;
        if (end <= first || row.off >= last) {
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
            left.back().skip += gone;
            left.back().len -= gone;
        }
    }
    return touched;
}

}  // namespace

// All rows of a block that is touched get a new seq: the two parts of a split one need two, both
// below whatever lay over it; and a compaction that has read the block before must notice.
Result<RangePlan> plan_hole(Txn& tx, const Inode& file, std::uint64_t first, std::uint64_t last) {
    RangePlan plan;
    plan.end = last;
    if (first >= last) return plan;
    const std::uint64_t block_bytes = tx.info().block_bytes;
    TRY(const Blocks blocks,
        load_blocks(tx.st(), file, first / block_bytes, (last - 1) / block_bytes, extents_max));
    const auto& rows = blocks.extents;
    if (blocks.more) plan.end = std::min(last, (rows.back().idx + 1) * block_bytes);
    for (auto block = rows.begin(); block != rows.end();) {
        const auto end = block_end(block, rows.end());
        const std::uint64_t start = block->idx * block_bytes;
        std::vector<wire::Extent> left;
        if (cut_around({block, end}, std::max(first, start) - start, last - start, left)) {
            plan.gained += static_cast<std::int64_t>(covered_bytes(left)) -
                           static_cast<std::int64_t>(covered_bytes({block, end}));
            plan.dropped.insert(plan.dropped.end(), block, end);
            plan.added.insert(plan.added.end(), left.begin(), left.end());
        }
        block = end;
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

Result<void> erase_inline(Txn& tx, Inode& file, std::uint64_t first, std::uint64_t last) {
    if (!file.has(has_inline)) return {};
    TRY(const Buffer old, load_inline(tx.st(), file));
    if (first >= old.size()) return {};
    if (last >= old.size()) return tx.put_inline(file, old.slice(0, first));
    std::vector<std::byte> data(old.view().begin(), old.view().end());
    std::fill(data.begin() + static_cast<std::ptrdiff_t>(first),
              data.begin() + static_cast<std::ptrdiff_t>(last), std::byte{0});
    return tx.put_inline(file, data);
}

}  // namespace flexfs::meta
