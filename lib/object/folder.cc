#include "lib/object/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "lib/base/durable.h"
#include "lib/base/format.h"
#include "lib/base/uuid.h"

namespace flexfs::object {
namespace {

constexpr const char* put_folder = ".put";
constexpr int read_flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
constexpr int folder_flags = O_RDONLY | O_CLOEXEC | O_DIRECTORY;

// From this size on, space is reserved in advance, and writeback starts while later pieces are
// still being copied: on a fast disk that makes a single 16 MiB put twice as fast. Both only cost
// time for small files.
constexpr std::size_t large_bytes = 1 << 20;
constexpr std::size_t writeback_bytes = 4 << 20;
constexpr std::size_t direct_alignment = 4096;
constexpr std::size_t direct_bytes = 1 << 20;  // of one write; also the memory a thread keeps

// Sets of folder names do not grow beyond this; forgetting a name costs an fsync.
constexpr std::size_t lasting_max = 4096;

std::string parent_of(const std::string& key) {
    const auto slash = key.rfind('/');
    return slash == std::string::npos ? std::string{} : key.substr(0, slash);
}

std::vector<iovec> vectors_of(const std::vector<Buffer>& pieces) {
    std::vector<iovec> vectors;
    vectors.reserve(pieces.size());
    for (const Buffer& piece : pieces)
        if (!piece.empty()) vectors.push_back({const_cast<std::byte*>(piece.data()), piece.size()});
    return vectors;
}

// Writes some MiB from `left[at]` on with one writev; the rest begins at the new `at`. Returns the
// number of bytes, or -1 with errno.
ssize_t write_some(int fd, std::vector<iovec>& left, std::size_t& at) {
    int count = 0;
    std::size_t bytes = 0;
    while (at + count < left.size() && count < IOV_MAX && bytes < writeback_bytes)
        bytes += left[at + count++].iov_len;
    const ssize_t written = ::writev(fd, &left[at], count);
    for (std::size_t n = written > 0 ? std::size_t(written) : 0; n > 0;) {
        const std::size_t used = std::min(n, left[at].iov_len);
        left[at].iov_base = static_cast<std::byte*>(left[at].iov_base) + used;
        left[at].iov_len -= used;
        n -= used;
        if (left[at].iov_len == 0) ++at;
    }
    return written;
}

// Copies from `left[at]` on until `into` is full. Returns the number of bytes.
std::size_t gather(MutableBytes into, std::vector<iovec>& left, std::size_t& at) {
    std::size_t filled = 0;
    while (filled < into.size() && at < left.size()) {
        iovec& piece = left[at];
        const std::size_t part = std::min(into.size() - filled, piece.iov_len);
        std::memcpy(into.data() + filled, piece.iov_base, part);
        piece.iov_base = static_cast<std::byte*>(piece.iov_base) + part;
        piece.iov_len -= part;
        filled += part;
        if (piece.iov_len == 0) ++at;
    }
    return filled;
}

// Writes all of `bytes`. Returns an errno or 0.
int write_all(int fd, ByteView bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        if (written == 0) return EIO;
        bytes = bytes.subspan(std::size_t(written));
    }
    return 0;
}

// Writes around the page cache: on machines with few processors, filling it costs more than the
// disk itself, and the caller has the data in its own caches. The data is copied through aligned
// memory; the last partial page is written through the page cache. Returns nothing if the
// filesystem does not support it, otherwise an errno or 0.
std::optional<int> write_direct(int fd, std::vector<iovec>& left) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_DIRECT) != 0) return std::nullopt;
    thread_local const std::unique_ptr<std::byte, void (*)(void*)> memory(
        static_cast<std::byte*>(std::aligned_alloc(direct_alignment, direct_bytes)), std::free);
    if (!memory) return ENOMEM;
    for (std::size_t at = 0, end = 0; at < left.size();) {
        const std::size_t filled = gather({memory.get(), direct_bytes}, left, at);
        const std::size_t whole = filled - filled % direct_alignment;
        int code = write_all(fd, {memory.get(), whole});
        // Some filesystems report it only now. A part of it may have been written.
        if (code == EINVAL && end == 0 && ::lseek(fd, 0, SEEK_SET) == 0) {
            ::fcntl(fd, F_SETFL, flags);
            code = write_all(fd, {memory.get(), whole});
        }
        if (code != 0) return code;
        if (whole < filled) {
            ::fcntl(fd, F_SETFL, flags);
            code = write_all(fd, {memory.get() + whole, filled - whole});
            if (code != 0) return code;
        }
        end += filled;
    }
    return 0;
}

}  // namespace

Folder::Folder(std::string path, Descriptor root)
    : path_(std::move(path)), root_(std::move(root)), nonce_(make_uuid()) {}

Result<std::unique_ptr<Folder>> Folder::open(std::string path) {
    std::error_code ignored;
    const auto full = std::filesystem::absolute(path, ignored).lexically_normal();
    TRY(make_durable_folder(full));

    Descriptor root(::open(full.c_str(), folder_flags));
    if (!root.valid()) return fail_errno("cannot open the folder " + full.string());
    if (::mkdirat(root.get(), put_folder, 0700) != 0 && errno != EEXIST)
        return fail_errno("cannot write into the folder " + full.string());
    TRY(flexfs::sync_folder(full));
    auto folder = std::unique_ptr<Folder>(new Folder(full.string(), std::move(root)));
    folder->clear_leftovers();
    return folder;
}

// Removes temporary files that are not locked, because they have no writer. A file that cannot be
// removed only costs space.
void Folder::clear_leftovers() const {
    Descriptor opened(::openat(root_.get(), put_folder, folder_flags));
    DIR* const entries = opened.valid() ? ::fdopendir(opened.get()) : nullptr;
    if (!entries) return;
    const int fd = opened.release();  // owned by the stream now
    while (const dirent* entry = ::readdir(entries)) {
        if (entry->d_name[0] == '.') continue;
        const Descriptor left(::openat(fd, entry->d_name, read_flags | O_NOFOLLOW));
        if (left.valid() && ::flock(left.get(), LOCK_EX | LOCK_NB) == 0)
            ::unlinkat(fd, entry->d_name, 0);
    }
    ::closedir(entries);
}

std::unexpected<Error> Folder::fault(const char* what, const std::string& name) const {
    int code = errno;
    auto context = fmt::format("{} {}/{}", what, path_, name);
    switch (code) {
        case ENOSPC:
        case EDQUOT:
        case EACCES:
        case EROFS:
        case EFBIG: break;
        case EPERM: code = EACCES; break;
        default: context = Error{code, std::move(context)}.message(); code = EIO;
    }
    return fail(code, std::move(context));
}

Result<void> Folder::sync_folder(const std::string& relative) const {
    const Descriptor fd(
        ::openat(root_.get(), relative.empty() ? "." : relative.c_str(), folder_flags));
    if (!fd.valid()) return fault("open folder", relative);
    return sync_file(fd.get(), relative.empty() ? path_ : path_ + "/" + relative);
}

// An existing folder may have been created by a process that was killed before it synced the
// folder, or that is about to. So we sync it once, too, before an object in it counts as durable.
Result<void> Folder::make_parents(const std::string& parent) {
    const std::lock_guard lock(mutex_);
    if (parent.empty() || lasting_.contains(parent)) return {};
    if (lasting_.size() >= lasting_max) lasting_.clear();
    for (std::size_t end = 0; end != std::string::npos;) {
        end = parent.find('/', end + 1);
        std::string folder = parent.substr(0, end);
        if (lasting_.contains(folder)) continue;
        if (::mkdirat(root_.get(), folder.c_str(), 0700) != 0 && errno != EEXIST)
            return fault("make folder", folder);
        TRY(sync_folder(parent_of(folder)));
        lasting_.insert(std::move(folder));
    }
    return {};
}

Result<void> Folder::put(const std::string& key, const std::vector<Buffer>& pieces) {
    TRY(make_parents(parent_of(key)));
    std::string temporary;
    {
        const std::lock_guard lock(mutex_);
        temporary = fmt::format("{}/{}-{}", put_folder, nonce_, ++puts_);
    }
    const Descriptor file(
        ::openat(root_.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file.valid()) return fault("create", temporary);
    // Locking fails if another process has just taken the file for a leftover and removed it.
    const bool swept = ::flock(file.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    auto done = swept ? Result<void>(fault("lock", temporary)) : write_file(file.get(), pieces);
    if (done) done = publish(temporary, key);
    if (!done) ::unlinkat(root_.get(), temporary.c_str(), 0);
    return done;
}

Result<void> Folder::write_file(int fd, const std::vector<Buffer>& pieces) const {
    const std::size_t total = total_bytes(pieces);
    const bool large = total >= large_bytes;
    if (large && ::fallocate(fd, 0, 0, off_t(total)) != 0 && (errno == ENOSPC || errno == EDQUOT))
        return fault("reserve space in", put_folder);

    auto left = vectors_of(pieces);
    const std::optional<int> direct = large ? write_direct(fd, left) : std::nullopt;
    if (direct.value_or(0) != 0) {
        errno = *direct;
        return fault("write in", put_folder);
    }
    if (direct) left.clear();
    off_t end = 0;
    for (std::size_t at = 0; at < left.size();) {
        const ssize_t written = write_some(fd, left, at);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return fault("write in", put_folder);
        if (large) ::sync_file_range(fd, end, written, SYNC_FILE_RANGE_WRITE);
        end += written;
    }
    // Some filesystems report only now that they are full. Nothing refers to the file yet, and it
    // is removed: the put is refused, as if it had failed at the first write.
    if (::fsync(fd) != 0) return fault("write in", put_folder);
    return {};
}

Result<void> Folder::publish(const std::string& temporary, const std::string& key) {
    const int root = root_.get();
    if (::renameat(root, temporary.c_str(), root, key.c_str()) != 0) {
        auto failed = fault("rename to", key);
        // Another process may have removed the folder; the next try has to create it again.
        const std::lock_guard lock(mutex_);
        lasting_.clear();
        return failed;
    }
    return sync_folder(parent_of(key));
}

Result<void> Folder::remove(const std::vector<std::string>& keys) const {
    for (const std::string& key : keys) {
        open_.forget(key);
        if (::unlinkat(root_.get(), key.c_str(), 0) == 0) continue;
        if (errno != ENOENT && errno != ENOTDIR) return fault("remove", key);
    }
    return {};
}

Result<Store::Space> Folder::space() const {
    struct statvfs disk;
    if (::fstatvfs(root_.get(), &disk) != 0) return fault("statvfs of", "");
    // Excludes the space reserved for root, as `df` does.
    const auto usable = disk.f_blocks - disk.f_bfree + disk.f_bavail;
    return Store::Space{disk.f_bavail * disk.f_frsize, usable * disk.f_frsize};
}

}  // namespace flexfs::object
