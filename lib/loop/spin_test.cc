#include "lib/loop/spin.h"

#include <doctest/doctest.h>

namespace flexfs::loop {

using namespace std::chrono_literals;

TEST_CASE("a loop that polls in vain all the time spends at most a third of the processor on it") {
    Spin spin;
    Duration now = 1s, spent{};
    while (now < 11s) {
        const Duration span = spin.span(now);
        now += std::max<Duration>(span, 10us);
        spent += span;
        if (span > 0us) spin.missed(now, span);
    }

    CHECK(spent < 10s / 3);
}

TEST_CASE("a loop that finds work every time keeps polling") {
    Spin spin;
    Duration now = 1s;
    for (int i = 0; i < 100'000; ++i) {
        REQUIRE(spin.span(now) > 0us);
        now += 20us;
        spin.found();
    }
}

TEST_CASE("there is no polling while threads wait for a processor") {
    Spin spin;
    spin.counted(1s, 3, 2);
    CHECK(spin.span(1s) == 0us);
    CHECK(!spin.wants_count(1s + 1ms));
    CHECK(spin.wants_count(1s + 10ms));

    spin.counted(1s + 10ms, 2, 2);
    CHECK(spin.span(1s + 10ms) > 0us);
}

TEST_CASE("this thread is counted among those that run") {
    CHECK(running_threads() >= 1);
}

}  // namespace flexfs::loop
