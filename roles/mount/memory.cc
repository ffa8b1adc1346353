#include "roles/mount/memory.h"

#include <algorithm>

#include "lib/fuse/protocol.h"

namespace flexfs::mount {
namespace {

// What a put holds beside its data, to go past the page cache.
constexpr std::uint64_t store_request_bytes = 2 << 20;

}  // namespace

Memory divide(const MountOptions& options) {
    const std::uint64_t all = options.mem_bytes;
    Memory memory;
    memory.database = std::min<std::uint64_t>(all / 4, 256 << 20);
    memory.kernel_requests = std::clamp<std::size_t>(all >> 24, 2, 32);
    memory.store_requests = options.max_bops
                                ? unsigned(options.max_bops)
                                : unsigned(std::clamp<std::uint64_t>(all >> 25, 2, 16));
    const std::uint64_t under_way = 2 * memory.kernel_requests * fuse::request_bytes_max +
                                    memory.store_requests * store_request_bytes;
    memory.rest = all - memory.database - std::min(under_way, all / 4);
    memory.dirty = std::min(options.dirty_bytes, memory.rest / 2);
    return memory;
}

}  // namespace flexfs::mount
