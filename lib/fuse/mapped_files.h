// Finds the files that may have been written through a mapping that the kernel has not written back
// yet. A shared mapping for writing requires a handle for reading and writing, which stays open as
// long as the mapping.
#pragma once

#include <unordered_map>
#include <unordered_set>

#include "lib/vfs/vfs.h"

namespace flexfs::fuse {

class MappedFiles {
public:
    // `knows_all` is false in a mount that was taken over, whose earlier handles are unknown.
    explicit MappedFiles(bool knows_all) : knows_all_(knows_all) {}

    // A handle was opened with these flags of open(2).
    void opened(wire::Ino ino, vfs::HandleId handle, std::uint32_t flags);
    // Any handle was closed.
    void closed(wire::Ino ino, vfs::HandleId handle);
    bool may_be_written(wire::Ino ino) const { return !knows_all_ || handles_.contains(ino); }

private:
    const bool knows_all_;
    std::unordered_map<wire::Ino, std::unordered_set<vfs::HandleId>> handles_;
};

}  // namespace flexfs::fuse
