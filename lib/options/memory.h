// The division of --memCapacity.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/options/options.h"

namespace flexfs::options {

// All parts together are at most --memCapacity.
struct Memory {
    std::uint64_t database = 0;       // bytes, of its own cache
    std::size_t kernel_requests = 0;  // of a megabyte each; there are as many free buffers
    unsigned store_requests = 0;      // puts, and as many gets
    std::uint64_t rest = 0;           // bytes, the budget of everything else
    std::uint64_t dirty = 0;          // bytes, the part of the rest that dirty data may take
};

// Divides the memory of options that finish() has completed.
Memory divide(const MountOptions& options);

// Returns the highest valid --maxBops: a quarter of the memory is for requests in progress.
std::uint64_t store_requests_max(std::uint64_t mem_bytes);

}  // namespace flexfs::options
