// What is known of the extents of one file: for some of its blocks, all of them.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "lib/wire/types.h"

namespace flexfs::vfs {

using wire::Extent;

class ExtentMap {
public:
    explicit ExtentMap(std::uint32_t block_bytes) : block_bytes_(block_bytes) {}

    // Nothing is known any more.
    void forget();
    // Nothing is known of blocks [first, last) any more.
    void forget(std::uint64_t first, std::uint64_t last);
    // These are all that blocks [first, last) have: by block, and in each as they lie over each
    // other.
    void learn(std::uint64_t first, std::uint64_t last, const std::vector<Extent>& extents);
    void learn_all(const std::vector<Extent>& extents) {
        forget();
        learn(0, UINT64_MAX, extents);
    }

    // The first block in [first, last) that is not known; `last` when all are.
    std::uint64_t first_unknown(std::uint64_t first, std::uint64_t last) const;
    bool knows(std::uint64_t idx) const { return first_unknown(idx, idx + 1) != idx; }
    bool knows_all() const { return first_unknown(0, UINT64_MAX) == UINT64_MAX; }
    bool empty() const { return blocks_.empty(); }
    // The first block from `idx` on that is known to have extents; UINT64_MAX: none.
    std::uint64_t next_block(std::uint64_t idx) const;
    // Of a known block, as they lie over each other: the unwritten, then by seq.
    std::span<const Extent> block(std::uint64_t idx) const;

    // A new extent lies over what is there; what it hides wholly goes, as on the server. Returns by
    // how many bytes the block now covers more; 0 when the block is not known.
    std::uint64_t add(const Extent& extent);
    // Room is kept for bytes [first, last), in whole pages.
    void keep_room(std::uint64_t first, std::uint64_t last);
    // Bytes [first, last) of the file are a hole; `last` is UINT64_MAX for all from `first` on. Of
    // unwritten extents only whole pages go.
    void punch(std::uint64_t first, std::uint64_t last);

    std::size_t memory_bytes() const { return rows_bytes_ + blocks_.size() * 112; }

private:
    void erase_rows(std::uint64_t first, std::uint64_t last);
    void punch_block(std::uint64_t idx, std::uint64_t first, std::uint64_t last);

    std::uint32_t block_bytes_;
    std::map<std::uint64_t, std::uint64_t> known_;  // first -> last, apart from each other
    std::map<std::uint64_t, std::vector<Extent>> blocks_;
    std::size_t rows_bytes_ = 0;  // memory of all extents
};

}  // namespace flexfs::vfs
