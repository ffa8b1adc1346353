// Limits how many rows Inodes and Entries keep in memory for later use.
#pragma once

#include <cstddef>
#include <iterator>

namespace flexfs::meta {

class RowCache {
public:
    void keep(std::size_t most) { most_ = most; }
    // Up to the same number of additional rows may be held until the next commit, or until a batch
    // ends.
    bool is_full(std::size_t held) const { return held >= 2 * most_; }
    // If there are more than `most` rows, keeps half of `most`. These are mostly newer rows,
    // because libstdc++ inserts rows at the front until it rehashes. No row may have unwritten
    // changes.
    template <class Rows>
    void shrink(Rows& held) const {
        if (held.size() <= most_) return;
        held.erase(std::next(held.begin(), static_cast<std::ptrdiff_t>(most_ / 2)), held.end());
    }

private:
    std::size_t most_ = 0;
};

}  // namespace flexfs::meta
