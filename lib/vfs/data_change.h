// Around a call that takes bytes away from a file, which is sent after they are gone here: they are
// cut off, or a hole is punched.
#pragma once

#include <vector>

#include "lib/vfs/flusher.h"
#include "lib/wire/fate.h"

namespace flexfs::vfs {

class DataChange {
public:
    // `flusher` must outlive it.
    DataChange(Flusher& flusher, NodeRef node) : flusher_(flusher), node_(std::move(node)) {}
    DataChange(const DataChange&) = delete;
    DataChange& operator=(const DataChange&) = delete;
    ~DataChange() { settle(wire::Fate::unknown); }

    // As File's methods of the same names; one of them, once.
    void cut(std::uint64_t size);
    void punch(Range range);

    // Applied: the bytes are gone for good. Refused: the unsent ones are there again. Unknown: they
    // stay away, and nothing that was known of the file holds, so that whoever looks next asks the
    // service. Only the first call counts.
    void settle(wire::Fate fate);

private:
    Flusher& flusher_;
    NodeRef node_;
    bool is_open_ = false;
    std::vector<Span> bytes_;
};

}  // namespace flexfs::vfs
