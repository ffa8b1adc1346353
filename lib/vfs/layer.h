// A layer of a file's bytes in memory, on top of what is stored: bytes that were written and not
// sent, or bytes that are being sent. Spans do not overlap and are ordered by offset.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/range.h"
#include "lib/cache/budget.h"

namespace flexfs::vfs {

// Memory that holds pieces of files, with the reservation of the budget for it.
struct Slab {
    cache::Reservation reservation;
    Buffer kept;                          // either the writer's buffer itself
    std::unique_ptr<std::byte[]> memory;  // or a copy, filled from the front
    std::size_t capacity = 0;
    std::size_t used = 0;
};

// Keeps a slab dirty. When the last span in it is gone the slab is clean; its memory is kept as
// long as a buffer refers to it.
class DirtySlab {
public:
    explicit DirtySlab(std::shared_ptr<Slab> slab) : slab_(std::move(slab)) {}
    DirtySlab(const DirtySlab&) = delete;
    DirtySlab& operator=(const DirtySlab&) = delete;
    ~DirtySlab() { slab_->reservation.make_clean(); }

    const std::shared_ptr<Slab>& slab() const { return slab_; }

private:
    std::shared_ptr<Slab> slab_;
};

struct Span {
    std::uint64_t offset = 0;  // in the file
    std::shared_ptr<const DirtySlab> memory;
    ByteView bytes;

    Span() = default;
    // `data` must lie in `slab`.
    Span(std::uint64_t at, std::shared_ptr<Slab> slab, ByteView data)
        : offset(at), memory(std::make_shared<const DirtySlab>(std::move(slab))), bytes(data) {}

    std::uint64_t end() const { return offset + bytes.size(); }
    Buffer buffer() const { return {memory->slab(), bytes}; }
    // Returns the part of it in [first, last), which must overlap it.
    Span slice(std::uint64_t first, std::uint64_t last) const;
    // Adds `next`, if the two are slices of one span and it follows this one. Returns false if
    // nothing was done.
    bool join(const Span& next);
};

// Makes the bytes of the range zero, or removes them if they are the last ones.
void erase(Buffer& data, Range gone);

class Layer {
public:
    bool empty() const { return spans_.empty(); }
    std::uint64_t bytes() const { return bytes_; }
    std::size_t spans() const { return spans_.size(); }
    // Returns where the last span ends; 0 if there is none.
    std::uint64_t end() const { return spans_.empty() ? 0 : spans_.rbegin()->second.end(); }

    // Replaces the bytes that were there.
    void put(Span span);
    // Fills gaps only; existing bytes stay.
    void put_under(const Span& span);
    // Copies `data` behind the span that ends at `offset`, if that span lies in a slab's own memory
    // with enough room after it. Returns false if nothing was done.
    bool append(std::uint64_t offset, ByteView data);
    // Removes the bytes in the range and returns them, in order.
    std::vector<Span> take(Range range);
    // Returns the bytes in the range, in order.
    std::vector<Span> find(Range range) const;
    // Returns the first bytes at or after `offset`, up to the end of their span; an empty range at
    // UINT64_MAX if there are none.
    Range next(std::uint64_t offset) const;
    bool covers(Range range) const;
    // Returns the length of the span that ends at `offset`; 0 if there is none.
    std::size_t bytes_before(std::uint64_t offset) const;
    // Returns the parts of `range` without bytes.
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
