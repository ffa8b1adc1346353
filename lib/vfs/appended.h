// The parts of a file's dirty data that were appended (O_APPEND) without the exclusive grant: they
// belong to the end of the file, wherever that is when they are committed.
#pragma once

#include <vector>

#include "lib/vfs/layer.h"

namespace flexfs::vfs {

class Appended {
public:
    bool empty() const { return ranges_.empty(); }
    // Where the first one begins; only if there is one.
    std::uint64_t begin() const { return ranges_.front().first; }
    void add(Range range);
    // The range is no longer dirty.
    void drop(Range gone);
    void clear() { ranges_.clear(); }

    // Takes their bytes out of `dirty`.
    std::vector<Span> take_from(Layer& dirty) const;
    // Puts the bytes that take_from() took back, one behind the other from `end` on.
    void put_at(std::uint64_t end, std::vector<Span> spans, Layer& dirty);

private:
    std::vector<Range> ranges_;  // in order, apart from each other
};

}  // namespace flexfs::vfs
