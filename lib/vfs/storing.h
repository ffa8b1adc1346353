// Stores what was written so far, for as long as that takes, and lists what is not stored.
#pragma once

#include <vector>

#include "lib/vfs/flusher.h"
#include "lib/vfs/names.h"

namespace flexfs::vfs {

class Storing {
public:
    // All parameters must outlive this object.
    Storing(Loop& loop, Nodes& nodes, const NameCache& names, Flusher& flusher)
        : loop_(loop), nodes_(nodes), names_(names), flusher_(flusher) {}

    // As in Filesystem.
    Task<std::vector<std::string>> store_written();
    std::vector<UnstoredFile> unstored(std::size_t most) const;

private:
    Task<bool> store(NodeRef node);
    std::string name_of(const Node& node) const;

    Loop& loop_;
    Nodes& nodes_;
    const NameCache& names_;
    Flusher& flusher_;
};

}  // namespace flexfs::vfs
