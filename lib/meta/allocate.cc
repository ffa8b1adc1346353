#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "lib/meta/operations.h"

namespace flexfs::meta {
namespace {

// Reserved space takes a row for each block of a range, as many as data that is written there
// would. The limit keeps a mistaken call from filling the disk with rows.
constexpr std::uint64_t blocks_max = 4 << 20;

bool is_known(std::uint32_t mode) {
    return mode == 0 || mode == FALLOC_FL_KEEP_SIZE ||
           mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) || mode == FALLOC_FL_ZERO_RANGE ||
           mode == (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE);
}

// Returns where it stopped.
Result<std::uint64_t> punch(Txn& tx, Inode& file, std::uint64_t first, std::uint64_t last) {
    TRY(zero_inline(tx, file, first, last));
    TRY(const RangePlan plan, plan_hole(tx, file, first, last, Hole::all));
    TRY(apply_plan(tx, file, plan));
    return plan.end;
}

Result<std::uint64_t> make_room(Txn& tx, Inode& file, std::uint64_t first, std::uint64_t last,
                                bool zero) {
    TRY(RangePlan plan, plan_room(tx, file, first, last, zero));
    if (plan.gained > 0) TRY(tx.room_for_bytes(static_cast<std::uint64_t>(plan.gained)));
    if (zero && file.has(has_inline)) {
        TRY(zero_inline(tx, file, first, last));
        TRY(plan, plan_room(tx, file, first, last, zero));
    }
    TRY(apply_plan(tx, file, plan));
    return plan.end;
}

}  // namespace

Result<wire::RangeDone> allocate(Txn& tx, const wire::Allocate& request) {
    TRY(Inode * file, tx.file(request.ino));
    const std::uint64_t first = request.offset;
    if (request.length == 0) return fail(EINVAL);
    if (!is_known(request.mode)) return fail(EOPNOTSUPP);
    if (first > wire::file_bytes_max || request.length > wire::file_bytes_max - first ||
        request.size > wire::file_bytes_max)
        return fail(EFBIG);
    TRY(flags_let_allocate(*file, request.mode));
    const std::uint64_t last = first + request.length;
    wire::Attr& attr = file->attr;
    std::uint64_t end = last;
    if (request.mode & FALLOC_FL_PUNCH_HOLE) {
        TRY(end, punch(tx, *file, first, last));
    } else {
        if (request.length / tx.info().block_bytes > blocks_max) return fail(ENOSPC);
        // Bytes that the file has already may lie in the range. The limit is checked before the
        // first of many steps.
        if (request.length > attr.used) TRY(tx.room_for_bytes(request.length - attr.used));
        TRY(end, make_room(tx, *file, first, last, request.mode & FALLOC_FL_ZERO_RANGE));
    }
    attr.size = std::max(attr.size, request.size);
    if (!(request.mode & FALLOC_FL_KEEP_SIZE)) attr.size = std::max(attr.size, end);
    attr.mtime = attr.ctime = request.now;
    tx.changed(*file);
    TRY(request.kill_privileges ? kill_privileges(tx, *file, request.kill_setgid)
                                : drop_capability(tx, *file));
    TRY(const Small small, load_inline(tx.st(), *file));
    return wire::RangeDone{.attr = attr, .length = end - first, .inline_version = small.version};
}

}  // namespace flexfs::meta
