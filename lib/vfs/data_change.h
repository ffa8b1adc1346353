// Guards a request that removes bytes from a file (a truncation or a punched hole). The bytes are
// removed here before the request is sent.
#pragma once

#include "lib/vfs/flusher.h"
#include "lib/wire/fate.h"

namespace flexfs::vfs {

class DataChange {
public:
    // `flusher` must outlive this object.
    DataChange(Flusher& flusher, NodeRef node) : flusher_(flusher), node_(std::move(node)) {}
    DataChange(const DataChange&) = delete;
    DataChange& operator=(const DataChange&) = delete;
    ~DataChange() { settle(wire::Fate::unknown); }

    // As File's methods of the same names. Call one of them, once.
    void cut(std::uint64_t size);
    void punch(Range range);

    // Applied: the bytes are discarded. Refused: the unsent bytes and the size are restored.
    // Unknown: the bytes stay discarded. Unless the change was applied, everything known about the
    // stored data is forgotten, so that the next operation asks the service. Only the first call
    // has an effect.
    void settle(wire::Fate fate);

private:
    Flusher& flusher_;
    NodeRef node_;
    bool is_open_ = false;
    std::uint64_t size_before_ = 0;  // of the stored file
    Unsent::Removed bytes_;
};

}  // namespace flexfs::vfs
