#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "lib/meta/operations.h"

namespace flexfs::meta {
namespace {

constexpr std::uint32_t erasing = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;

bool is_known(std::uint32_t mode) {
    return mode == 0 || mode == FALLOC_FL_KEEP_SIZE ||
           mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) || mode == FALLOC_FL_ZERO_RANGE ||
           mode == (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE);
}

Result<std::uint64_t> erase(Txn& tx, Inode& file, std::uint64_t first, std::uint64_t last) {
    TRY(erase_inline(tx, file, first, last));
    // Nothing lies behind the end of the file.
    const std::uint64_t end = std::min(last, file.attr.size);
    TRY(const RangePlan plan, plan_hole(tx, file, first, end));
    TRY(apply_plan(tx, file, plan));
    return plan.end == end ? last : plan.end;
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
    // What the file has already may lie in the range.
    if (!(request.mode & erasing) && request.length > file->attr.used)
        TRY(tx.room_for_bytes(request.length - file->attr.used));

    wire::Attr& attr = file->attr;
    attr.size = std::max(attr.size, request.size);
    std::uint64_t end = last;
    if (request.mode & erasing) {
        TRY(end, erase(tx, *file, first, last));
    }
    if (!(request.mode & FALLOC_FL_KEEP_SIZE)) attr.size = std::max(attr.size, end);
    attr.mtime = attr.ctime = request.now;
    tx.changed(*file);
    TRY(request.kill_privileges ? kill_privileges(tx, *file) : drop_capability(tx, *file));
    return wire::RangeDone{.attr = attr, .length = end - first};
}

}  // namespace flexfs::meta
