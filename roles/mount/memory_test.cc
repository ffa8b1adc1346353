#include "roles/mount/memory.h"

#include <doctest/doctest.h>

namespace flexfs::mount {

TEST_CASE("what memory is divided into is no more than there is") {
    for (std::uint64_t mib : {32, 64, 128, 256, 1024, 65536}) {
        CAPTURE(mib);
        MountOptions options;
        options.mem_bytes = mib << 20;
        options.dirty_bytes = options.mem_bytes;
        const Memory memory = divide(options);
        const std::uint64_t requests =
            memory.kernel_requests * (2 << 20) + std::uint64_t{memory.store_requests} * (2 << 20);
        CHECK(memory.database + memory.rest + requests <= options.mem_bytes);
        CHECK(memory.rest >= options.mem_bytes / 2);
        CHECK(memory.dirty <= memory.rest / 2);
    }
}

}  // namespace flexfs::mount
