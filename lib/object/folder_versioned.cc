// Objects of a folder that change: their tag is the identity and the time of the file, which every
// put makes anew.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

#include "lib/base/format.h"
#include "lib/object/folder.h"

namespace flexfs::object {
namespace {

constexpr int read_flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;

std::string tag_of(const struct stat& attr) {
    return fmt::format("{}-{}-{}.{:09}", attr.st_ino, attr.st_size, attr.st_mtim.tv_sec,
                       attr.st_mtim.tv_nsec);
}

}  // namespace

Result<Versioned> Folder::get_versioned(const std::string& key) const {
    const Descriptor file(::openat(root_.get(), key.c_str(), read_flags));
    struct stat attr;
    if (!file.valid() || ::fstat(file.get(), &attr) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) return fail(ENOENT);
        return fault("open", key);
    }
    if (std::uint64_t(attr.st_size) > versioned_bytes_max) return fail(EFBIG);
    WritableBuffer content(std::size_t(attr.st_size));
    std::size_t filled = 0;
    while (filled < content.size()) {
        const ssize_t got =
            ::pread(file.get(), content.data() + filled, content.size() - filled, off_t(filled));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fault("read", key);
        if (got == 0) return fail(EIO, fmt::format("{}/{} became shorter", path_, key));
        filled += std::size_t(got);
    }
    return Versioned{std::move(content).freeze(), tag_of(attr)};
}

// The lock of the folder makes the comparison and the put one step for all that use put_if().
Result<std::string> Folder::put_if(const std::string& key, const Buffer& content,
                                   const std::string& tag) {
    const Descriptor locked(::openat(root_.get(), ".", O_RDONLY | O_CLOEXEC | O_DIRECTORY));
    if (!locked.valid()) return fault("open folder", "");
    while (::flock(locked.get(), LOCK_EX) != 0)
        if (errno != EINTR) return fault("lock folder", "");

    struct stat attr;
    const bool exists = ::fstatat(root_.get(), key.c_str(), &attr, 0) == 0;
    if (!exists && errno != ENOENT && errno != ENOTDIR) return fault("stat", key);
    if ((exists ? tag_of(attr) : std::string()) != tag) return fail(EEXIST);
    TRY(put(key, {content}));
    open_.forget(key);
    if (::fstatat(root_.get(), key.c_str(), &attr, 0) != 0) return fault("stat", key);
    return tag_of(attr);
}

}  // namespace flexfs::object
