// Finds the direct writes (O_DIRECT) after which the kernel may keep pages with older data.
//
// Linux drops its pages of what is written directly before the write, and once more after one that
// the caller waits for, but not after an asynchronous one (io_submit, io_uring; mm/filemap.c,
// generic_file_direct_write, and fs/fuse/file.c, fuse_aio_complete). Pages that a read fetched in
// between would stay, so they have to be dropped; a write does not say which kind it is.
#pragma once

#include <unordered_map>
#include <unordered_set>

#include "lib/vfs/vfs.h"

namespace flexfs::fuse {

class DirectWrites {
public:
    // The file was opened for writing with O_DIRECT.
    void opened(wire::Ino ino, vfs::HandleId handle) { files_[ino].handles.insert(handle); }
    // Any handle was closed.
    void closed(wire::Ino ino, vfs::HandleId handle);
    // The file was read through the kernel's pages, which keep the data.
    void paged(wire::Ino ino);
    // Whether older pages may exist when a direct write is done. A file that was not opened
    // with O_DIRECT can be affected too: fcntl(2) can set it, and a mount that was taken over does
    // not know its handles.
    bool may_leave_pages(wire::Ino ino) const;

private:
    struct File {
        std::unordered_set<vfs::HandleId> handles;
        bool paged = false;  // since it has handles; the kernel waits for earlier reads
    };
    std::unordered_map<wire::Ino, File> files_;
};

}  // namespace flexfs::fuse
