#include "lib/fuse/mapped_files.h"

#include <fcntl.h>

namespace flexfs::fuse {

void MappedFiles::opened(wire::Ino ino, vfs::HandleId handle, std::uint32_t flags) {
    if ((flags & O_ACCMODE) == O_RDWR) handles_[ino].insert(handle);
}

void MappedFiles::closed(wire::Ino ino, vfs::HandleId handle) {
    const auto found = handles_.find(ino);
    if (found == handles_.end()) return;
    found->second.erase(handle);
    if (found->second.empty()) handles_.erase(found);
}

}  // namespace flexfs::fuse
