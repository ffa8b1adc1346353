// How many rows Inodes and Entries keep in memory for those who come again.
#pragma once

#include <cstddef>
#include <iterator>

namespace flexfs::meta {

class RowCache {
public:
    void keep(std::size_t most) { most_ = most; }
    // As many more may be held until the next commit, or a batch's end.
    bool is_full(std::size_t held) const { return held >= 2 * most_; }
    // Of more than `most` half of `most` stay, most of them newer ones: libstdc++ puts new rows in
    // front, until it rehashes. None may be changed.
    template <class Rows>
    void shrink(Rows& held) const {
        if (held.size() <= most_) return;
        held.erase(std::next(held.begin(), static_cast<std::ptrdiff_t>(most_ / 2)), held.end());
    }

private:
    std::size_t most_ = 0;
};

}  // namespace flexfs::meta
