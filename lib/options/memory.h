// How --memCapacity is divided.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/options/options.h"

namespace flexfs::options {

// All parts together are at most --memCapacity.
struct Memory {
    std::uint64_t database = 0;       // bytes, of its own cache
    std::size_t kernel_requests = 0;  // large ones, of a megabyte each; and as many free buffers
    unsigned store_requests = 0;      // puts, and as many gets
    std::uint64_t rest = 0;           // bytes, the budget that everything else draws on
    std::uint64_t dirty = 0;          // bytes, the part of the rest that dirty data may take
};

// Call finish() before.
Memory divide(const MountOptions& options);

// The most that --maxBops may ask for: a quarter of the memory is for requests under way.
std::uint64_t store_requests_max(std::uint64_t mem_bytes);

}  // namespace flexfs::options
