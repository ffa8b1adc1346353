#include "roles/bench/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "lib/base/format.h"

namespace flexfs::bench {
namespace {

// The pool exceeds the window of a compressor and a block of a store.
constexpr std::size_t pool_bytes = 8 << 20;

}  // namespace

Result<File> File::open(std::string path, int flags) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
    if (fd < 0) return fail_errno("open " + path);
    return File(std::move(path), fd);
}

File::~File() {
    if (fd_ >= 0) ::close(fd_);
}

File::File(File&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

Result<void> File::write(ByteView bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
        if (n < 0 && errno != EINTR) return fail_errno("write " + path_);
        if (n > 0) bytes = bytes.subspan(std::size_t(n));
    }
    return {};
}

Result<void> File::read_at(std::uint64_t offset, MutableBytes to) {
    while (!to.empty()) {
        const ssize_t n = ::pread(fd_, to.data(), to.size(), off_t(offset));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno("read " + path_);
        if (n == 0) return fail(EIO, path_ + " is shorter than what was written to it");
        to = to.subspan(std::size_t(n));
        offset += std::uint64_t(n);
    }
    return {};
}

Result<void> File::sync() {
    if (fsync(fd_) != 0) return fail_errno("fsync " + path_);
    return {};
}

Result<void> File::close() {
    if (::close(std::exchange(fd_, -1)) != 0) return fail_errno("close " + path_);
    return {};
}

void File::forget() {
    posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED);
}

Data::Data(std::uint64_t seed) : pool_(pool_bytes) {
    std::mt19937_64 random(seed);
    for (std::size_t at = 0; at < pool_bytes; at += 8) store_le(pool_.data() + at, random());
}

ByteView Data::chunk(std::uint64_t number) {
    const std::size_t start = number * chunk_bytes % pool_bytes;
    const std::uint64_t first_page = number * (chunk_bytes / page_bytes);
    for (std::size_t i = 0; i < chunk_bytes / page_bytes; ++i)
        store_le(pool_.data() + start + i * page_bytes, first_page + i);
    return as_view().subspan(start, chunk_bytes);
}

Result<void> Data::verify(ByteView bytes, std::uint64_t first_page, const std::string& path) {
    for (std::size_t i = 0; i < bytes.size() / page_bytes; ++i)
        if (load_le<std::uint64_t>(bytes.data() + i * page_bytes) != first_page + i)
            return fail(EIO, fmt::format("{}: read other bytes than were written at offset {}",
                                         path, (first_page + i) * page_bytes));
    return {};
}

Result<void> drop_kernel_caches() {
    ::sync();
    TRY(File file, File::open("/proc/sys/vm/drop_caches", O_WRONLY));
    TRY(file.write(as_bytes("3\n")));
    return file.close();
}

}  // namespace flexfs::bench
