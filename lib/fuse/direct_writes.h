// Which direct writes (O_DIRECT) may leave the kernel with pages from before them.
//
// Linux drops its pages of what is written directly before the write, and once more after one that
// the caller waits for, but not after an asynchronous one (io_submit, io_uring; mm/filemap.c,
// generic_file_direct_write, and fs/fuse/file.c, fuse_aio_complete). What a read through the pages
// fetched in between would stay, so we have it dropped; a write does not say which kind it is.
#pragma once

#include <unordered_map>
#include <unordered_set>

#include "lib/vfs/vfs.h"

namespace flexfs::fuse {

class DirectWrites {
public:
    // To be written with O_DIRECT.
    void opened(wire::Ino ino, vfs::HandleId handle) { files_[ino].handles.insert(handle); }
    // Of any handle.
    void closed(wire::Ino ino, vfs::HandleId handle);
    // A read through the kernel's pages, which keep the data.
    void paged(wire::Ino ino);
    // Asked when a direct write is done: pages from before it may be there. True also of a file
    // that was not opened for it: fcntl(2) can turn O_DIRECT on, and a mount that was taken over
    // does not know.
    bool leave_pages(wire::Ino ino) const;

private:
    struct File {
        std::unordered_set<vfs::HandleId> handles;
        bool paged = false;  // since it has handles; the kernel waits for reads before that
    };
    std::unordered_map<wire::Ino, File> files_;
};

}  // namespace flexfs::fuse
