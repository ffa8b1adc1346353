// The system calls of a measurement; each returns its error.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/result.h"

namespace flexfs::bench {

inline constexpr std::size_t page_bytes = 4096;
inline constexpr std::size_t chunk_bytes = 1 << 20;  // one write or read of a large file

class File {
public:
    static Result<File> open(std::string path, int flags);
    ~File();
    File(File&& other) noexcept;
    File& operator=(File&&) = delete;

    Result<void> write(ByteView bytes);                           // all of it
    Result<void> read_at(std::uint64_t offset, MutableBytes to);  // all of it; EIO at a short end
    Result<void> sync();
    Result<void> close();
    // Drops the kernel's pages of this file, as far as possible.
    void forget();

private:
    File(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
    std::string path_;
    int fd_;
};

// Incompressible bytes that show if they are read back from the wrong place: each page begins with
// its number.
class Data {
public:
    explicit Data(std::uint64_t seed);

    // Returns chunk `number` of a large file, valid until the next call.
    ByteView chunk(std::uint64_t number);
    // Returns bytes for a small file, at most a chunk.
    ByteView small(std::size_t size) const { return as_view().first(size); }
    // EIO: these are not the pages from `first_page` on of a file made of chunks.
    static Result<void> verify(ByteView bytes, std::uint64_t first_page, const std::string& path);

private:
    ByteView as_view() const { return {pool_.data(), pool_.size()}; }
    std::vector<std::byte> pool_;
};

// Writes back and drops all of the kernel's caches. EACCES: only root may.
Result<void> drop_kernel_caches();

}  // namespace flexfs::bench
