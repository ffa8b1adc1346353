#include "lib/vfs/stored.h"

#include <algorithm>
#include <cerrno>

#include "lib/block/small.h"
#include "lib/vfs/unsent.h"

namespace flexfs::vfs {

void Stored::forget() {
    forget_inline();
    extents_.forget();
}

void Stored::forget_inline() {
    inline_known_ = false;
    inline_data_ = {};
    inline_version_ = 0;
}

Result<void> Stored::learn_inline(const Buffer& data, std::uint32_t bytes, std::uint64_t version) {
    forget_inline();
    auto plain = bytes == 0 ? Result<Buffer>(data) : block::unpack_small(data);
    if (plain && plain->size() < bytes)
        plain = fail(EIO, "the packed data of a small file is too short");
    else if (plain && plain->size() > wire::inline_bytes_max)
        plain = fail(EIO, "the data of a small file is too long");
    if (!plain) {
        extents_.forget();
        return std::unexpected(std::move(plain.error()));
    }
    // A slice would keep the whole buffer in memory.
    const bool whole = bytes == 0 || plain->size() == bytes;
    inline_data_ = whole ? *plain : Buffer::copy_of(plain->view().first(bytes));
    inline_version_ = version;
    inline_known_ = is_damage_unreported_ = true;
    return {};
}

Result<void> Stored::learn(const wire::Entry& entry, bool opened) {
    if (!entry.has_data && !opened) return {};
    TRY(learn_inline(entry.inline_data, entry.inline_bytes, entry.inline_version));
    if (entry.has_data) extents_.learn_all(entry.extents);
    return {};
}

void Stored::drop(Range range) {
    erase(inline_data_, range);
    extents_.punch(range.first, range.last);
}

Stored::Used Stored::commit(const Flight& flight, std::span<const Extent> extents,
                            std::uint64_t version, std::uint64_t end, std::uint64_t used) {
    bool exact = true;
    if (flight.is_moved()) {
        // Only the service knows where to.
        size_ = std::max(size_, end);
        extents_.forget();
        return {used, false};
    }
    size_ = std::max(size_, flight.data().end());
    if (flight.is_inline()) {
        inline_data_ = flight.content();
        inline_version_ = inline_data_.empty() ? 0 : version;
        used = inline_data_.size();
    }
    if (flight.clears_inline()) {
        // Reserved space that lay under inline data still counts.
        exact = extents_.empty();
        used -= std::min<std::uint64_t>(used, inline_data_.size());
        inline_data_ = {};
        inline_version_ = 0;
    }
    for (const Extent& extent : extents) {
        if (!extents_.knows(extent.idx)) exact = false;
        used += extents_.add(extent);
    }
    return {used, exact};
}

}  // namespace flexfs::vfs
