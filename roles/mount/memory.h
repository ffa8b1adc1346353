// How one budget for memory is divided.
#pragma once

#include <cstddef>
#include <cstdint>

#include "roles/mount/options.h"

namespace flexfs::mount {

// The database has a cache of its own, and requests of the kernel and of the store have
// memory while they are under way; everything else draws on one budget, of which dirty data may
// take a part. Together no more than --memCapacity.
struct Memory {
    std::uint64_t database = 0;
    std::size_t kernel_requests = 0;  // large ones, of a megabyte each; and as many free buffers
    unsigned store_requests = 0;      // of each kind
    std::uint64_t rest = 0;
    std::uint64_t dirty = 0;
};

// After finish().
Memory divide(const MountOptions& options);

// The most that --maxBops may ask for: a quarter of the memory is for what is under way.
std::uint64_t store_requests_max(std::uint64_t mem_bytes);

}  // namespace flexfs::mount
