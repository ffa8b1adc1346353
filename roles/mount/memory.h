// How one budget for memory is divided.
#pragma once

#include <cstddef>
#include <cstdint>

#include "roles/mount/options.h"

namespace flexfs::mount {

// The database's page cache is SQLite's own, and requests of the kernel and of the store have
// memory while they are under way; everything else draws on one budget, of which dirty data may
// take a part. Together no more than --memCapacity, unless --maxBops asks for more requests than go
// into a quarter of it.
struct Memory {
    std::uint64_t database = 0;
    std::size_t kernel_requests = 0;  // large ones, of a megabyte each; and as many free buffers
    unsigned store_requests = 0;      // of each kind
    std::uint64_t rest = 0;
    std::uint64_t dirty = 0;
};

// After finish().
Memory divide(const MountOptions& options);

}  // namespace flexfs::mount
