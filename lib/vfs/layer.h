// A layer of a file's bytes in memory, over what is stored: what was written and is not sent yet,
// or what is on its way. Ranges that do not overlap, by offset.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/cache/budget.h"

namespace flexfs::vfs {

// Memory with its share of the budget. Pieces of files lie in it.
struct Chunk {
    cache::Reservation reservation;
    Buffer kept;                          // somebody's buffer as it came, or
    std::unique_ptr<std::byte[]> memory;  // our own, filled from the front
    std::size_t capacity = 0;
    std::size_t used = 0;
};

struct Span {
    std::uint64_t offset = 0;  // in the file
    std::shared_ptr<Chunk> chunk;
    ByteView bytes;

    std::uint64_t end() const { return offset + bytes.size(); }
    Buffer buffer() const { return {chunk, bytes}; }
    // Its bytes in [first, last), which must overlap it.
    Span slice(std::uint64_t first, std::uint64_t last) const;
};

// Bytes [first, last) of a file.
struct Range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    bool operator==(const Range&) const = default;
};

class Layer {
public:
    bool empty() const { return spans_.empty(); }
    std::uint64_t bytes() const { return bytes_; }
    std::size_t spans() const { return spans_.size(); }
    // Where the last span ends; 0 without any.
    std::uint64_t end() const { return spans_.empty() ? 0 : spans_.rbegin()->second.end(); }

    // Over what is there.
    void put(Span span);
    // Only where nothing is there.
    void put_under(const Span& span);
    // Copies `data` behind the span that ends at `offset`, if that lies in memory of ours which has
    // room behind it. False: nothing was done.
    bool append(std::uint64_t offset, ByteView data);
    // Takes out what lies in the range.
    std::vector<Span> take(Range range);
    // What lies in the range, in order, without taking it out.
    std::vector<Span> find(Range range) const;
    // The first bytes from `offset` on that the layer has, as far as they go in one span; an empty
    // range at UINT64_MAX: none.
    Range next(std::uint64_t offset) const;
    bool covers(Range range) const;
    // How long the span is that ends at `offset`; 0 where none does.
    std::size_t bytes_before(std::uint64_t offset) const;
    // The parts of `range` that the layer has nothing for.
    std::vector<Range> gaps(Range range) const;

    const std::map<std::uint64_t, Span>& all() const { return spans_; }

private:
    using Spans = std::map<std::uint64_t, Span>;
    Spans::const_iterator first_in(Range range) const;
    void insert(Span span);

    Spans spans_;
    std::uint64_t bytes_ = 0;
};

}  // namespace flexfs::vfs
