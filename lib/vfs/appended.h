// The parts of a file's unsent data that were appended (O_APPEND). They belong to the end of the
// file, wherever it is when they are committed.
#pragma once

#include <vector>

#include "lib/base/range_set.h"
#include "lib/vfs/layer.h"

namespace flexfs::vfs {

class Appended {
public:
    bool empty() const { return set_.empty(); }
    // Returns where the first range begins. Must not be called if there is none.
    std::uint64_t begin() const { return set_.ranges().front().first; }
    bool overlaps(Range range) const { return set_.overlaps(range); }
    void add(Range range) { set_.add(range); }
    void add(const Appended& other);
    // Call it when the range is no longer dirty.
    void drop(Range gone) { set_.remove(gone); }
    void drop(const Appended& gone);
    void clear() { set_.clear(); }
    // Returns the parts that lie in the range.
    Appended in(Range range) const;

    // Takes the bytes of all ranges out of `dirty`. Each write lies in one span again, if it was
    // not overwritten.
    std::vector<Span> take_from(Layer& dirty) const;
    // Puts the bytes that take_from() returned back, one after the other, starting at `end`.
    void put_at(std::uint64_t end, std::vector<Span> spans, Layer& dirty);

private:
    RangeSet set_;
};

}  // namespace flexfs::vfs
