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
        if (span > 0us) spin.missed(now, span, false);
    }

    CHECK(spent < 10s / 3);
}

TEST_CASE("a loop that finds work every time keeps polling") {
    Spin spin;
    Duration now = 1s;
    for (int i = 0; i < 100'000; ++i) {
        REQUIRE(spin.span(now) > 0us);
        now += 20us;
        spin.found(now, 20us);
    }
}

TEST_CASE("where others wait for the processor the loop stops polling for a while") {
    Spin spin;
    REQUIRE(spin.span(1s) > 0us);
    spin.missed(1s, 50us, true);

    CHECK(spin.span(1s + 1ms) == 0us);
    CHECK(spin.span(1s + 10ms) > 0us);
}

}  // namespace flexfs::loop
