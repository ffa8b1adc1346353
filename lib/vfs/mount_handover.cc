// Handing over to the next image of the process, and taking over from the one before.
#include "lib/base/log.h"
#include "lib/vfs/mount.h"

namespace flexfs::vfs {

HandedOver Mount::hand_over() const {
    HandedOver all;
    session_->hand_over(all);
    all.last_handle = last_handle_;
    for (const auto& [id, handle] : handles_) {
        const WriteErrors& errors = handle->node->file->errors();
        const bool told = errors.count() == handle->failures_told;
        all.files.push_back({id, handle->node->attr.ino, handle->flags, told ? 0 : errors.code()});
    }
    for (const auto& [id, directory] : directories_)
        all.directories.push_back({id, directory->ino()});
    orphans_.hand_over(all);
    return all;
}

// What cannot be opened again (a damaged row) answers EBADF from now on; all else goes on.
Task<void> Mount::take_over(HandedOver from) {
    last_handle_ = from.last_handle;
    orphans_.take_over(from);
    for (const HandedOver::File& file : from.files) {
        auto found = co_await result(fresh(file.ino));
        if (found && !(*found)->file) found = fail(EINVAL, "not a regular file");
        if (!found) {
            log::error("the open file with inode {} is lost: {}", file.ino,
                       found.error().message());
            continue;
        }
        (*found)->orphan = orphans_.holds(file.ino);
        (*found)->file->errors().take_over(file.failure);
        add_handle(file.handle, std::move(*found), file.flags).failures_told =
            file.failure == 0 ? 1 : 0;
    }
    for (const HandedOver::Directory& directory : from.directories)
        directories_.emplace(directory.handle,
                             std::make_shared<Directory>(*session_, nodes_, directory.ino));
}

}  // namespace flexfs::vfs
