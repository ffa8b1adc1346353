#include "lib/db/reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace flexfs::db {

Result<void> Reserve::open(std::string path, std::uint64_t bytes) {
    path_ = std::move(path);
    bytes_ = bytes;
    if (bytes_ == 0) return {};
    file_ = Descriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file_.valid()) return fail_errno("open " + path_);
    // The file may have been left by a process that was killed.
    struct stat left;
    if (::fstat(file_.get(), &left) == 0)
        held_ = std::uint64_t(std::min<off_t>(left.st_size, left.st_blocks * 512));
    hold(bytes_);
    return {};
}

bool Reserve::hold(std::uint64_t bytes) {
    if (bytes_ == 0) return true;
    if (held_ > 2 * bytes && ::ftruncate(file_.get(), off_t(bytes)) == 0) held_ = bytes;
    if (held_ >= bytes) return true;
    // An attempt that must fail takes long on filesystems that allocate pages one by one.
    struct statvfs disk;
    if (::fstatvfs(file_.get(), &disk) == 0 &&
        std::uint64_t(disk.f_bfree) * disk.f_frsize < bytes - held_)
        return false;
    // posix_fallocate() is not used: where it is not supported it writes zeros, which would not
    // reserve space either.
    const bool got = ::fallocate(file_.get(), 0, 0, off_t(bytes)) == 0 || errno != ENOSPC;
    if (got) held_ = bytes;
    // A partial allocation would be space that nothing uses.
    else if (::ftruncate(file_.get(), off_t(held_)) != 0) held_ = 0;
    return got;
}

bool Reserve::spend() {
    if (std::exchange(held_, 0) == 0) return false;
    return ::ftruncate(file_.get(), 0) == 0;
}

void Reserve::remove() {
    if (bytes_ != 0) ::unlink(path_.c_str());
}

}  // namespace flexfs::db
