#include "lib/fuse/direct_writes.h"

namespace flexfs::fuse {

void DirectWrites::closed(wire::Ino ino, vfs::HandleId handle) {
    const auto found = files_.find(ino);
    if (found == files_.end()) return;
    found->second.handles.erase(handle);
    if (found->second.handles.empty()) files_.erase(found);
}

void DirectWrites::paged(wire::Ino ino) {
    if (const auto found = files_.find(ino); found != files_.end()) found->second.paged = true;
}

bool DirectWrites::may_leave_pages(wire::Ino ino) const {
    const auto found = files_.find(ino);
    return found == files_.end() || found->second.paged;
}

}  // namespace flexfs::fuse
