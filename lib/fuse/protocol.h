// The gate for the kernel's FUSE protocol (linux/fuse.h, documented in Linux's
// Documentation/filesystems/fuse.rst).
#pragma once

#include <linux/fuse.h>

#include <cstddef>
#include <cstdint>

namespace flexfs::fuse {

// The newest minor version whose requests we understand, and the oldest that has all we rely on.
inline constexpr std::uint32_t protocol_minor = 38;
inline constexpr std::uint32_t protocol_minor_least = 36;

// The most file data in one request: 256 pages, the kernel's default bound.
inline constexpr std::size_t data_bytes_max = 1 << 20;

// What the kernel wants a read of its queue to offer: the largest request, which is a write.
inline constexpr std::size_t request_bytes_max = data_bytes_max + 4096;

// Opcodes are smaller than this, but for one that we do not answer.
inline constexpr std::uint32_t opcodes = 64;

}  // namespace flexfs::fuse
