#include "lib/task/frame_memory.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <thread>
#include <vector>

namespace flexfs::task {

TEST_CASE("frames of all sizes are their owner's alone, also when another thread gives them back") {
    std::vector<std::pair<std::byte*, std::size_t>> frames;
    const auto give_all_back = [&] {
        for (auto [frame, bytes] : frames) {
            const auto own = [bytes](std::byte byte) { return byte == std::byte(bytes % 251); };
            REQUIRE(std::all_of(frame, frame + bytes, own));
            free_frame(frame, bytes);
        }
        frames.clear();
    };
    for (int round = 0; round < 3; ++round) {
        for (std::size_t bytes = 1; bytes < 6000; bytes += 37) {
            for (int i = 0; i < 20; ++i) {
                auto* frame = static_cast<std::byte*>(allocate_frame(bytes));
                std::memset(frame, int(bytes % 251), bytes);
                frames.emplace_back(frame, bytes);
            }
        }
        if (round == 1) std::thread(give_all_back).join();
        else give_all_back();
    }
}

}  // namespace flexfs::task
