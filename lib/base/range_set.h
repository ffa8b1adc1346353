// A set of numbers that consists of few ranges, such as the known blocks of a file.
#pragma once

#include <vector>

#include "lib/base/range.h"

namespace flexfs {

class RangeSet {
public:
    bool empty() const { return ranges_.empty(); }
    // How many numbers are in the set.
    std::uint64_t size() const { return size_; }
    // Disjoint ranges in ascending order, which do not touch.
    const std::vector<Range>& ranges() const { return ranges_; }

    // Adds the range. Returns how many of its numbers were not in the set.
    std::uint64_t add(Range range);
    void remove(Range range);
    void clear() { *this = {}; }

    bool overlaps(Range range) const;
    // Returns the first number from `from` on that is not in the set.
    std::uint64_t first_gap(std::uint64_t from) const;
    // Returns the numbers that are also in the range.
    RangeSet in(Range range) const;

private:
    std::vector<Range> ranges_;
    std::uint64_t size_ = 0;
};

}  // namespace flexfs
