#include "lib/loop/heap.h"

#include <malloc.h>

#include "lib/loop/pool.h"

namespace flexfs::loop {
namespace {

constexpr Duration pause = std::chrono::milliseconds(400);
constexpr std::size_t free_bytes_max = 8 << 20;

}  // namespace

void tune_heap() {
    // The threshold is fixed, because otherwise the first freed buffer makes glibc allocate all
    // later ones in the heap.
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
    mallopt(M_TRIM_THRESHOLD, 4 << 20);
    mallopt(M_ARENA_MAX, 2);
}

Task<void> keep_heap_small(Loop& loop) {
    for (std::size_t left = 0;;) {
        co_await loop.sleep(pause);
        const std::size_t unused = mallinfo2().fordblks;
        // Memory that could not be returned last time lies in pages that are partly used.
        if (unused < left + free_bytes_max) {
            left = std::min(left, unused);
            continue;
        }
        co_await offload(loop, []() -> Result<void> {
            malloc_trim(1 << 20);
            return {};
        });
        left = mallinfo2().fordblks;
    }
}

}  // namespace flexfs::loop
