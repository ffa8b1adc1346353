// Hands the state over to the next image of the process, and takes it over from the previous one.
#include "lib/base/log.h"
#include "lib/vfs/caching_filesystem.h"

namespace flexfs::vfs {

HandedOver CachingFilesystem::hand_over() const {
    HandedOver all;
    session_->hand_over(all);
    handles_.hand_over(all);
    orphans_.hand_over(all);
    return all;
}

// A file that cannot be opened again (for example because of a damaged row) fails with EBADF from
// now on; the others work.
Task<void> CachingFilesystem::take_over(HandedOver from) {
    handles_.next_after(from.last_handle);
    orphans_.take_over(from);
    for (const HandedOver::File& file : from.files) {
        auto found = co_await result(access_.node(file.ino));
        if (found && !(*found)->file) found = fail(EINVAL, "not a regular file");
        if (!found) {
            log::error("the open file with inode {} is lost: {}", file.ino,
                       found.error().message());
            continue;
        }
        (*found)->orphan = orphans_.holds(file.ino);
        handles_.take_over(file.handle, std::move(*found), file.flags, file.failure);
    }
    for (const HandedOver::Directory& directory : from.directories)
        handles_.take_over(directory.handle,
                           std::make_shared<Directory>(*session_, nodes_, directory.ino));
}

}  // namespace flexfs::vfs
