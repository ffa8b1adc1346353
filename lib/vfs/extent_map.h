// The known extents of one file. For each known block, all of its extents are known.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "lib/base/range_set.h"
#include "lib/wire/types.h"

namespace flexfs::vfs {

using wire::Extent;

class ExtentMap {
public:
    explicit ExtentMap(std::uint32_t block_bytes) : block_bytes_(block_bytes) {}

    // Forgets everything.
    void forget();
    // Forgets blocks [first, last).
    void forget(std::uint64_t first, std::uint64_t last);
    // Records that `extents` are all extents of blocks [first, last). They are ordered by block,
    // and within a block from bottom to top.
    void learn(std::uint64_t first, std::uint64_t last, const std::vector<Extent>& extents);
    void learn_all(const std::vector<Extent>& extents) {
        forget();
        learn(0, UINT64_MAX, extents);
    }

    // Returns the first unknown block in [first, last), or `last` if all are known.
    std::uint64_t first_unknown(std::uint64_t first, std::uint64_t last) const;
    bool knows(std::uint64_t idx) const { return first_unknown(idx, idx + 1) != idx; }
    bool knows_all() const { return first_unknown(0, UINT64_MAX) == UINT64_MAX; }
    bool empty() const { return blocks_.empty(); }
    // Returns the first block from `idx` on that is known to have extents; UINT64_MAX if there is
    // none.
    std::uint64_t next_block(std::uint64_t idx) const;
    // Returns the extents of a known block from bottom to top: the unwritten ones, then by seq.
    std::span<const Extent> block(std::uint64_t idx) const;

    // Adds an extent at the place that its seq gives it, on top of older ones. Removes extents that
    // are hidden completely, as the server does. Returns by how many bytes the covered part of the
    // block grows; 0 if the block is not known, or has the extent already.
    std::uint64_t add(const Extent& extent);
    // Records that space is reserved for bytes [first, last), in whole pages.
    void keep_room(std::uint64_t first, std::uint64_t last);
    // Makes bytes [first, last) of the file a hole; with `last` == UINT64_MAX, all bytes from
    // `first` on. Unwritten extents lose whole pages only.
    void punch(std::uint64_t first, std::uint64_t last);

    std::size_t memory_bytes() const { return rows_bytes_ + blocks_.size() * 112; }

private:
    void erase_rows(std::uint64_t first, std::uint64_t last);
    void punch_block(std::uint64_t idx, std::uint64_t first, std::uint64_t last);

    std::uint32_t block_bytes_;
    RangeSet known_;  // blocks
    std::map<std::uint64_t, std::vector<Extent>> blocks_;
    std::size_t rows_bytes_ = 0;  // memory of all extents
};

}  // namespace flexfs::vfs
