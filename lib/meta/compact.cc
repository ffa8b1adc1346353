#include <algorithm>
#include <cerrno>

#include "lib/meta/operations.h"
#include "lib/wire/cover.h"

namespace flexfs::meta {
namespace {

// Whether both cover exactly the same bytes.
bool cover_the_same(std::span<const wire::Extent> a, std::span<const wire::Extent> b) {
    RangeSet cover;
    for (const wire::Extent& extent : a) cover.add(wire::covered_by(extent));
    for (const wire::Extent& extent : b)
        if (cover.add(wire::covered_by(extent)) > 0) return false;
    return cover.size() == wire::covered_bytes(b);
}

}  // namespace

Result<wire::Done> compact(Txn& tx, const wire::Compact& request) {
    TRY(Inode * file, tx.file(request.ino));
    TRY(auto rows, load_extents(tx.st(), *file, request.idx, request.idx));
    // Unwritten rows lie at the bottom and stay.
    std::erase_if(rows, [](const wire::Extent& row) { return row.is_unwritten(); });
    if (!std::ranges::equal(rows, request.expected, {}, &wire::Extent::seq)) return fail(EAGAIN);
    for (const wire::Extent& extent : request.replacement)
        if (extent.idx != request.idx) return fail(EINVAL);
    if (!cover_the_same(rows, request.replacement)) return fail(EINVAL);
    for (const wire::SegmentUse& use : request.segments) TRY(tx.check_segment(use));
    TRY(check_extents(tx, request.replacement, request.segments));

    for (const wire::SegmentUse& use : request.segments) TRY(tx.open_segment(use));
    for (wire::Extent extent : request.replacement) {
        extent.seq = tx.next_seq();
        TRY(tx.add_extent(*file, extent));
    }
    for (const wire::Extent& extent : rows) TRY(tx.erase_extent(request.ino, extent));
    return wire::Done{};
}

}  // namespace flexfs::meta
