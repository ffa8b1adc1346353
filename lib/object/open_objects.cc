#include "lib/object/open_objects.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace flexfs::object {
namespace {

constexpr int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;  // a planted pipe must not block

}  // namespace

OpenObject OpenObjects::find(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = places_.find(key);
    if (found == places_.end()) return {};
    const std::shared_ptr<const Descriptor> fd = found->second->fd;
    struct stat attr;
    if (::fstat(fd->get(), &attr) == 0 && attr.st_nlink > 0) {
        entries_.splice(entries_.begin(), entries_, found->second);
        return {fd, std::uint64_t(attr.st_size)};
    }
    entries_.erase(found->second);
    places_.erase(found);
    return {};
}

Result<OpenObject> OpenObjects::open(int root, const std::string& key) {
    if (OpenObject known = find(key); known.fd) return known;
    auto fd = std::make_shared<const Descriptor>(::openat(root, key.c_str(), flags));
    if (!fd->valid() && errno == ENOTDIR) return fail(ENOENT);
    struct stat attr;
    if (!fd->valid() || ::fstat(fd->get(), &attr) != 0) return fail(errno);
    if (!S_ISREG(attr.st_mode)) return fail(ENOENT);
    // The kernel's read-ahead would fetch data that was not asked for.
    ::posix_fadvise(fd->get(), 0, 0, POSIX_FADV_RANDOM);

    const std::lock_guard lock(mutex_);
    if (!places_.contains(key)) {
        entries_.push_front({key, fd});
        places_.emplace(key, entries_.begin());
        if (entries_.size() > open_max) {
            places_.erase(entries_.back().key);
            entries_.pop_back();
        }
    }
    return OpenObject{std::move(fd), std::uint64_t(attr.st_size)};
}

void OpenObjects::forget(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = places_.find(key);
    if (found == places_.end()) return;
    entries_.erase(found->second);
    places_.erase(found);
}

}  // namespace flexfs::object
