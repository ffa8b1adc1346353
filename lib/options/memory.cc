#include "lib/options/memory.h"

#include <algorithm>

#include "lib/fuse/protocol.h"

namespace flexfs::options {
namespace {

// Each put needs this much memory besides its data, to bypass the page cache.
constexpr std::uint64_t store_request_bytes = 2 << 20;

std::size_t kernel_requests(std::uint64_t mem_bytes) {
    return std::clamp<std::size_t>(mem_bytes >> 24, 2, 32);
}

std::uint64_t kernel_bytes(std::uint64_t mem_bytes) {
    return 2 * kernel_requests(mem_bytes) * fuse::request_bytes_max;
}

}  // namespace

std::uint64_t store_requests_max(std::uint64_t mem_bytes) {
    const std::uint64_t left = mem_bytes / 4 - std::min(kernel_bytes(mem_bytes), mem_bytes / 4);
    return std::max<std::uint64_t>(left / store_request_bytes, 1);
}

Memory divide(const MountOptions& options) {
    const std::uint64_t all = options.mem_bytes;
    Memory memory;
    memory.database = std::min<std::uint64_t>(all / 4, 256 << 20);
    memory.kernel_requests = kernel_requests(all);
    const auto automatic = std::clamp<std::uint64_t>(
        all >> 25, 1, std::min<std::uint64_t>(store_requests_max(all), 16));
    memory.store_requests = unsigned(options.max_bops ? options.max_bops : automatic);
    const std::uint64_t under_way = kernel_bytes(all) + memory.store_requests * store_request_bytes;
    memory.rest = all - memory.database - under_way;
    memory.dirty = std::min(options.dirty_bytes, memory.rest / 2);
    return memory;
}

}  // namespace flexfs::options
