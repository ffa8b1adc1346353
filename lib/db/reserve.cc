#include "lib/db/reserve.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace flexfs::db {

Result<void> Reserve::open(std::string path, std::uint64_t bytes) {
    path_ = std::move(path);
    bytes_ = bytes;
    if (bytes_ == 0) return {};
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ < 0) return fail_errno("open " + path_);
    whole();
    return {};
}

Reserve::~Reserve() {
    if (fd_ >= 0) ::close(fd_);
}

bool Reserve::whole() {
    if (bytes_ == 0 || held_) return true;
    // Not posix_fallocate(): where it is not supported, writing zeros would not keep room either.
    held_ = ::fallocate(fd_, 0, 0, off_t(bytes_)) == 0 || errno != ENOSPC;
    if (!held_ && ::ftruncate(fd_, 0) != 0) held_ = false;
    return held_;
}

bool Reserve::spend() {
    if (bytes_ == 0 || !std::exchange(held_, false)) return false;
    return ::ftruncate(fd_, 0) == 0;
}

void Reserve::remove() {
    if (bytes_ != 0) ::unlink(path_.c_str());
}

}  // namespace flexfs::db
