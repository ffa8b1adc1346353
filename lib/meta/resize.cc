#include "lib/meta/operations.h"
#include "lib/wire/cover.h"

namespace flexfs::meta {
namespace {

// Cuts the block that contains the new end of the file, at `keep` bytes.
Result<void> cut_block(Txn& tx, Inode& file, std::uint64_t idx, std::uint32_t keep) {
    TRY(const std::vector<wire::Extent> extents, load_extents(tx.st(), file, idx, idx));
    std::vector<wire::Extent> left;
    for (wire::Extent extent : extents) {
        const std::uint32_t end =
            extent.is_unwritten() ? static_cast<std::uint32_t>(wire::page_ceil(keep)) : keep;
        if (extent.off >= end) {
            TRY(tx.erase_extent(file.attr.ino, extent));
            continue;
        }
        if (extent.off + extent.len > end) {
            extent.len = end - extent.off;
            TRY(tx.trim_extent(file, extent));
        }
        left.push_back(extent);
    }
    std::uint64_t small = 0;
    if (idx == 0 && file.has(has_inline)) {
        TRY(const Small data, load_inline(tx.st(), file));
        small = data.bytes();
    }
    tx.add_used(file, static_cast<std::int64_t>(wire::covered_bytes(left, small)) -
                          static_cast<std::int64_t>(wire::covered_bytes(extents, small)));
    return {};
}

}  // namespace

Result<void> resize(Txn& tx, Inode& file, std::uint64_t size) {
    // Space reserved behind the end is released even if the size stays the same.
    if (size < file.attr.size || (size == file.attr.size && file.has(has_unwritten))) {
        if (file.has(has_inline)) TRY(tx.cut_inline(file, size));
        const std::uint32_t block_bytes = tx.info().block_bytes;
        const auto keep = static_cast<std::uint32_t>(size % block_bytes);
        const std::uint64_t idx = size / block_bytes;
        if (keep != 0) TRY(cut_block(tx, file, idx, keep));
        TRY(tx.drop_extents(file, keep != 0 ? idx + 1 : idx));
    }
    file.attr.size = size;
    tx.changed(file);
    return {};
}

}  // namespace flexfs::meta
