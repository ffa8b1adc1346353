#include "lib/options/memory.h"

#include <doctest/doctest.h>

namespace flexfs::options {

TEST_CASE("the parts of the memory add up to at most all of it") {
    for (std::uint64_t mib : {32, 64, 128, 256, 1024, 65536}) {
        for (const bool most : {false, true}) {
            CAPTURE(mib);
            CAPTURE(most);
            MountOptions options;
            options.takeover = 0;  // also more than this machine has
            options.mem_bytes = mib << 20;
            options.dirty_bytes = options.mem_bytes;
            if (most) options.max_bops = store_requests_max(options.mem_bytes);
            REQUIRE(finish(options));
            const Memory memory = divide(options);
            const std::uint64_t requests = memory.kernel_requests * (2 << 20) +
                                           std::uint64_t{memory.store_requests} * (2 << 20);
            CHECK(memory.store_requests > 0);
            CHECK(memory.database + memory.rest + requests <= options.mem_bytes);
            CHECK(memory.rest >= options.mem_bytes / 2);
            CHECK(memory.dirty <= memory.rest / 2);
        }
    }
}

TEST_CASE("more operations at a time than memory has room for are refused with how many may be") {
    MountOptions options;
    options.mem_bytes = 128 << 20;
    options.max_bops = 4096;
    CHECK(
        finish(options).error().context ==
        "--maxBops 4096 needs more memory than --memCapacity 128 MiB has for it; the maximum is 7");
}

}  // namespace flexfs::options
