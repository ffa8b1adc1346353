// Reads objects of a folder.
#include <fcntl.h>
#include <limits.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/object/folder.h"

namespace flexfs::object {
namespace {

// From this size on, the whole range is announced to the kernel before the first read.
constexpr std::uint64_t announced_bytes_min = 256 << 10;
// The size of a scratch buffer for the bytes between ranges.
constexpr std::size_t gap_bytes = 16 << 10;

// The memory for ranges, and the vectors with which preadv() fills it.
class Scatter {
public:
    explicit Scatter(const std::vector<ByteRange>& ranges) : at_(ranges.front().offset) {
        thread_local std::array<std::byte, gap_bytes> unwanted;
        std::uint64_t end = at_;
        for (const ByteRange& range : ranges) {
            for (std::uint64_t gap = range.offset - end; gap > 0;) {
                const std::size_t part = std::min<std::uint64_t>(gap, unwanted.size());
                vectors_.push_back({unwanted.data(), part});
                gap -= part;
            }
            pieces_.emplace_back(range.size);
            vectors_.push_back({pieces_.back().data(), range.size});
            end = range.offset + range.size;
        }
        left_ = end - at_;
    }

    std::uint64_t left() const { return left_; }
    // Returns the number of bytes read, 0 at the end of the file, or -1 with errno.
    ssize_t read(int fd, int flags) {
        const auto count = std::min<std::size_t>(vectors_.size() - next_, IOV_MAX);
        const ssize_t got = ::preadv2(fd, &vectors_[next_], int(count), off_t(at_), flags);
        for (std::size_t n = got > 0 ? std::size_t(got) : 0; n > 0;) {
            iovec& vector = vectors_[next_];
            const std::size_t part = std::min(n, vector.iov_len);
            vector.iov_base = static_cast<std::byte*>(vector.iov_base) + part;
            vector.iov_len -= part;
            n -= part;
            at_ += part;
            left_ -= part;
            if (vector.iov_len == 0) ++next_;
        }
        return got;
    }
    std::vector<Buffer> finish() && {
        std::vector<Buffer> done;
        done.reserve(pieces_.size());
        for (WritableBuffer& piece : pieces_) done.push_back(std::move(piece).freeze());
        return done;
    }

private:
    std::vector<WritableBuffer> pieces_;
    std::vector<iovec> vectors_;
    std::size_t next_ = 0;
    std::uint64_t at_, left_ = 0;
};

bool is_inside(const OpenObject& object, const std::vector<ByteRange>& ranges) {
    const ByteRange& last = ranges.back();
    return last.size <= object.bytes && last.offset <= object.bytes - last.size;
}

}  // namespace

Result<OpenObject> Folder::source(const std::string& key) const {
    auto opened = open_.open(root_.get(), key);
    if (opened || opened.error().code == ENOENT) return opened;
    errno = opened.error().code;
    return fault("open", key);
}

std::optional<std::vector<Buffer>> Folder::get_ranges_at_once(
    const OpenObject& known, const std::vector<ByteRange>& ranges) {
    if (!known.fd || !is_inside(known, ranges)) return std::nullopt;
    Scatter into(ranges);
    into.read(known.fd->get(), RWF_NOWAIT);
    if (into.left() > 0) return std::nullopt;
    return std::move(into).finish();
}

Result<std::vector<Buffer>> Folder::get_ranges(const std::string& key,
                                               const std::vector<ByteRange>& ranges,
                                               OpenObject known) const {
    if (!known.fd) {
        TRY(OpenObject opened, source(key));
        known = std::move(opened);
    }
    const int fd = known.fd->get();
    if (!is_inside(known, ranges))
        return fail(ERANGE, fmt::format("object {} ends at {}", key, known.bytes));
    const std::uint64_t first = ranges.front().offset;
    const std::uint64_t bytes = ranges.back().offset + ranges.back().size - first;
    if (bytes > object_bytes_max) return fail(EFBIG, "get " + key);
    if (bytes >= announced_bytes_min)
        ::posix_fadvise(fd, off_t(first), off_t(bytes), POSIX_FADV_WILLNEED);
    Scatter into(ranges);
    while (into.left() > 0) {
        const ssize_t got = into.read(fd, 0);
        if (got > 0 || (got < 0 && errno == EINTR)) continue;
        const Error why =
            got < 0 ? Error{errno, "read"} : Error{EIO, "it became shorter while it was read"};
        return fail(EIO, fmt::format("{}/{}: {}", path_, key, why.message()));
    }
    return std::move(into).finish();
}

Result<Buffer> Folder::get(const std::string& key, std::uint64_t offset, std::size_t size) const {
    TRY(const OpenObject from, source(key));
    if (offset > from.bytes || size > from.bytes - offset)
        return fail(ERANGE, fmt::format("object {} ends at {}", key, from.bytes));
    if (size > object_bytes_max) return fail(EFBIG, "get " + key);
    if (size == 0) return Buffer();
    TRY(auto pieces, get_ranges(key, {{offset, std::uint32_t(size)}}));
    return std::move(pieces.front());
}

Result<Buffer> Folder::get(const std::string& key) const {
    TRY(const std::uint64_t bytes, size(key));
    return get(key, 0, bytes);
}

Result<std::uint64_t> Folder::size(const std::string& key) const {
    TRY(const OpenObject from, source(key));
    return from.bytes;
}

}  // namespace flexfs::object
