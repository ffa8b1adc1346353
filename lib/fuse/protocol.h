// The gate for the kernel's FUSE protocol (linux/fuse.h, documented in Linux's
// Documentation/filesystems/fuse.rst).
#pragma once

#include <linux/fuse.h>

#include <cstddef>
#include <cstdint>

namespace flexfs::fuse {

// The newest minor version whose requests are understood, and the oldest that has all that is used.
inline constexpr std::uint32_t protocol_minor = 39;
inline constexpr std::uint32_t protocol_minor_least = 36;

// The most file data in one request: 256 pages, the kernel's default bound.
inline constexpr std::size_t data_bytes_max = 1 << 20;

// The kernel reads ahead by this much in a file that is read in order.
inline constexpr std::uint32_t readahead_bytes = 1 << 20;

// The size of the buffer for a read of the kernel's queue: the largest request is a write.
inline constexpr std::size_t request_bytes_max = data_bytes_max + 4096;

// All opcodes that are answered are smaller than this.
inline constexpr std::uint32_t opcodes = 64;

// statx(2): sent if a program wants the birth time; getattr has everything else. Source of the
// numbers and of the layout: Linux 6.6, include/uapi/linux/fuse.h, FUSE_STATX. That header has them
// from minor version 39 on, under other names.
inline constexpr std::uint32_t opcode_statx = 52;

struct StatxTime {
    std::int64_t seconds;
    std::uint32_t nanoseconds;
    std::int32_t reserved;
};
// The beginning of struct statx of linux/stat.h.
struct Statx {
    std::uint32_t mask;
    std::uint32_t blksize;
    std::uint64_t attributes;
    std::uint32_t nlink;
    std::uint32_t uid;
    std::uint32_t gid;
    std::uint16_t mode;
    std::uint16_t spare0;
    std::uint64_t ino;
    std::uint64_t size;
    std::uint64_t blocks;
    std::uint64_t attributes_mask;
    StatxTime atime;
    StatxTime btime;
    StatxTime ctime;
    StatxTime mtime;
    std::uint32_t rdev_major;
    std::uint32_t rdev_minor;
    std::uint32_t dev_major;
    std::uint32_t dev_minor;
    std::uint64_t spare2[14];
};
struct StatxOut {
    std::uint64_t attr_valid;
    std::uint32_t attr_valid_nsec;
    std::uint32_t flags;
    std::uint64_t spare[2];
    Statx stat;
};
static_assert(sizeof(Statx) == 256 && sizeof(StatxOut) == 288);

}  // namespace flexfs::fuse
