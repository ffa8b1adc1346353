#include <algorithm>
#include <cerrno>

#include "lib/meta/operations.h"
#include "lib/wire/cover.h"

namespace flexfs::meta {
namespace {

constexpr std::size_t extents_looked_at = 1024;

// The effect of a commit on one block.
struct BlockPlan {
    std::vector<wire::Extent> dropped;
    std::vector<wire::Extent> added;
    std::int64_t gained = 0;  // bytes that extents cover now and did not cover before
};

// Plans the rows of one block. Old rows that newer ones cover completely are dropped, except
// unwritten ones: the space that they reserve stays reserved when a hole is punched into the data
// on top of them. `rows` are the block's old ones, by seq.
BlockPlan plan_block(std::span<const wire::Extent> rows, std::span<const wire::Extent> fresh) {
    BlockPlan plan;
    RangeSet cover;
    for (auto e = fresh.rbegin(); e != fresh.rend(); ++e)
        if (cover.add(wire::covered_by(*e)) > 0) plan.added.push_back(*e);
    for (auto e = rows.rbegin(); e != rows.rend(); ++e)
        if (cover.add(wire::covered_by(*e)) == 0 && !e->is_unwritten()) plan.dropped.push_back(*e);
    std::ranges::reverse(plan.added);
    plan.gained = static_cast<std::int64_t>(cover.size()) -
                  static_cast<std::int64_t>(wire::covered_bytes(rows));
    return plan;
}

Result<std::vector<BlockPlan>> plan_blocks(Txn& tx, const Inode& file,
                                           std::vector<wire::Extent> fresh) {
    std::ranges::sort(fresh, {}, [](const wire::Extent& e) { return std::pair(e.idx, e.seq); });
    std::vector<BlockPlan> plans;
    for (auto block = fresh.begin(); block != fresh.end();) {
        const auto end = wire::block_end(block, fresh.end());
        TRY(const auto rows, load_extents(tx.st(), file, block->idx, block->idx));
        plans.push_back(plan_block(rows, {block, end}));
        block = end;
    }
    return plans;
}

// The service cannot look into packed data, but knows by how much it may exceed the file's bytes.
bool may_be_inline(const wire::InodeCommit& change) {
    const std::size_t size = change.inline_data.size();
    if (change.inline_bytes == 0) return size <= wire::inline_bytes_max;
    return change.inline_bytes <= wire::inline_bytes_max && size > 0 &&
           size <= change.inline_bytes + wire::inline_overhead_max;
}

// EAGAIN: the file's size or data is not what the commit expects, or its end is not where the
// commit expected to append.
Result<void> check_base(Txn& tx, const Inode& file, const wire::InodeCommit& change) {
    if (change.expected_size != wire::any_size && change.expected_size != file.attr.size)
        return fail(EAGAIN);
    if (!change.set_inline && !change.clear_inline) return {};
    if (change.append_at != wire::no_append && change.append_at != file.attr.size)
        return fail(EAGAIN);
    if (change.inline_base == wire::any_inline_version) return {};
    TRY(const Small small, load_inline(tx.st(), file));
    if (small.version != change.inline_base) return fail(EAGAIN);
    if (!change.set_inline) return {};
    TRY(const auto rows, load_extents(tx.st(), file, 0, UINT64_MAX, 1));
    return rows.empty() ? Result<void>() : fail(EAGAIN);
}

Result<void> check_commit(Txn& tx, const Inode& file, const wire::InodeCommit& change,
                          const wire::Commit& request) {
    if (change.size > wire::file_bytes_max) return fail(EFBIG);
    if (change.set_inline && !change.extents.empty()) return fail(EINVAL);
    if (change.set_inline && !may_be_inline(change)) return fail(EINVAL);
    TRY(check_base(tx, file, change));
    // Space that another client reserved meanwhile must not be lost.
    if (change.set_inline && file.has(has_unwritten)) {
        TRY(const auto rows, load_extents(tx.st(), file, 0, UINT64_MAX, extents_looked_at));
        if (std::ranges::any_of(rows, &wire::Extent::is_unwritten)) return fail(EAGAIN);
    }
    // Another client made it a small file meanwhile: its bytes must not be hidden or lost.
    if (file.has(has_inline) && !change.extents.empty() && !change.clear_inline)
        return fail(EAGAIN);
    return check_extents(tx, change.extents, request.segments);
}

// Moves appended data to the present end of the file: all extents move by the difference, and one
// that crosses the end of a block becomes two. EINVAL: not all of the data was to be appended.
// EFBIG.
Result<std::vector<wire::Extent>> moved_to_end(const wire::InodeCommit& change, std::uint64_t end,
                                               std::uint64_t block_bytes) {
    std::vector<wire::Extent> moved;
    for (const wire::Extent& e : change.extents) {
        if (e.off >= block_bytes || e.len > block_bytes ||
            e.idx > wire::file_bytes_max / block_bytes)
            return fail(EINVAL);
        const std::uint64_t from = e.idx * block_bytes + e.off;
        if (from < change.append_at) return fail(EINVAL);
        if (from - change.append_at > wire::file_bytes_max - end) return fail(EFBIG);
        std::uint64_t at = end + (from - change.append_at);
        for (std::uint32_t done = 0; done < e.len;) {
            wire::Extent part = e;
            part.idx = at / block_bytes;
            part.off = static_cast<std::uint32_t>(at % block_bytes);
            part.skip += done;
            part.len = static_cast<std::uint32_t>(
                std::min<std::uint64_t>(e.len - done, block_bytes - part.off));
            moved.push_back(part);
            done += part.len;
            at += part.len;
        }
    }
    return moved;
}

Result<void> commit_inline(Txn& tx, Inode& file, const wire::InodeCommit& change) {
    const Small small{change.inline_data, change.inline_bytes};
    if (small.bytes() > file.attr.used) TRY(tx.room_for_bytes(small.bytes() - file.attr.used));
    TRY(tx.drop_extents(file, 0));
    TRY(tx.put_inline(file, small));
    file.attr.size = std::max(file.attr.size, small.bytes());
    return {};
}

Result<void> commit_extents(Txn& tx, Inode& file, const wire::InodeCommit& change,
                            std::uint64_t first_seq) {
    std::vector<wire::Extent> fresh = change.extents;
    for (wire::Extent& extent : fresh) {
        extent.seq = first_seq++;
        file.attr.size =
            std::max(file.attr.size, extent.idx * tx.info().block_bytes + extent.off + extent.len);
    }
    TRY(const std::vector<BlockPlan> plans, plan_blocks(tx, file, std::move(fresh)));
    if (change.clear_inline) TRY(tx.erase_inline(file));
    for (const BlockPlan& plan : plans) {
        for (const wire::Extent& extent : plan.dropped) TRY(tx.erase_extent(file.attr.ino, extent));
        for (const wire::Extent& extent : plan.added) TRY(tx.add_extent(file, extent));
        tx.add_used(file, plan.gained);
    }
    return {};
}

// ENOSPC: the volume may not hold what the extents add. Checked before anything changes.
Result<void> room_for_extents(Txn& tx, const Inode& file, const wire::InodeCommit& change) {
    if (tx.info().max_blocks == 0 || change.extents.empty()) return {};
    TRY(const std::vector<BlockPlan> plans, plan_blocks(tx, file, change.extents));
    std::int64_t gained = 0;
    for (const BlockPlan& plan : plans) gained += plan.gained;
    if (change.clear_inline) {
        TRY(const Small small, load_inline(tx.st(), file));
        TRY(const std::uint64_t freed, tx.inline_gain(file, small.bytes()));
        gained -= static_cast<std::int64_t>(freed);
    }
    return gained > 0 ? tx.room_for_bytes(static_cast<std::uint64_t>(gained)) : Result<void>();
}

// Changes of access times are accepted for directories and symlinks, too.
bool is_access(const wire::InodeCommit& change) {
    return change.atime != 0 && change.size == 0 && change.mtime == 0 && !change.kill_privileges &&
           !change.set_inline && !change.clear_inline && change.extents.empty();
}

struct Done {
    std::uint64_t first_seq = 0;
    std::uint64_t end = 0;  // of the file
};

Result<Done> commit_inode(Txn& tx, wire::InodeCommit change, const wire::Commit& request) {
    if (is_access(change)) {
        TRY(Inode * accessed, tx.inode(change.ino));
        accessed->attr.atime = change.atime;
        tx.changed(*accessed);
        return Done{tx.counters().next_seq, accessed->attr.size};
    }
    TRY(Inode * file, tx.file(change.ino));
    if (change.append_at != wire::no_append && !change.clear_inline) {
        TRY(change.extents, moved_to_end(change, file->attr.size, tx.info().block_bytes));
    }
    TRY(check_commit(tx, *file, change, request));
    TRY(room_for_extents(tx, *file, change));

    const std::uint64_t first_seq = tx.counters().next_seq;
    tx.counters().next_seq += change.extents.size();
    if (change.set_inline) {
        TRY(commit_inline(tx, *file, change));
    } else {
        TRY(commit_extents(tx, *file, change, first_seq));
    }
    wire::Attr& attr = file->attr;
    attr.size = std::max(attr.size, change.size);
    if (change.mtime != 0) {
        attr.mtime = change.mtime;
        attr.ctime = std::max(attr.ctime, change.mtime);  // a chmod since then was later
    }
    if (change.atime != 0) attr.atime = change.atime;
    tx.changed(*file);
    const bool has_data = change.set_inline || !change.extents.empty();
    if (has_data && !change.keep_capability) TRY(drop_capability(tx, *file));
    if (change.kill_privileges) TRY(kill_privileges(tx, *file, change.kill_setgid));
    return Done{first_seq, attr.size};
}

bool may_be_stored(const wire::Extent& e) {
    if (e.form == wire::FrameForm::whole) return e.chunks.empty();
    return e.form == wire::FrameForm::chunked && e.chunks.size() <= wire::chunk_list_bytes_max;
}

}  // namespace

Result<void> check_extents(Txn& tx, std::span<const wire::Extent> extents,
                           std::span<const wire::SegmentUse> segments) {
    const std::uint32_t block_bytes = tx.info().block_bytes;
    for (const wire::Extent& e : extents) {
        if (e.len == 0 || e.off >= block_bytes || e.len > block_bytes - e.off) return fail(EINVAL);
        if (!may_be_stored(e)) return fail(EINVAL);
        if (e.idx > (wire::file_bytes_max - e.off - e.len) / block_bytes) return fail(EFBIG);
        const auto use = std::ranges::find(segments, e.segment, &wire::SegmentUse::segment);
        const bool listed = use != segments.end();
        if (listed && std::uint64_t{e.pos} + e.stored > use->bytes) return fail(EINVAL);
        TRY(const bool usable, tx.is_usable(e.segment, listed));
        if (!usable) return fail(ESTALE);
    }
    return {};
}

Result<wire::Committed> commit(Txn& tx, const wire::Commit& request) {
    for (const wire::SegmentUse& use : request.segments) TRY(tx.check_segment(use));
    for (const wire::SegmentUse& use : request.segments) TRY(tx.open_segment(use));

    wire::Committed reply;
    for (const wire::InodeCommit& change : request.inodes) {
        Result<Done> done = commit_inode(tx, change, request);
        if (!done && tx.faulty()) return std::unexpected(std::move(done.error()));
        reply.first_seq.push_back(done ? done->first_seq : 0);
        reply.ends.push_back(done ? done->end : 0);
        reply.errors.push_back(code_of(done));
    }
    return reply;
}

}  // namespace flexfs::meta
