#include "lib/vfs/age_watch.h"

#include <doctest/doctest.h>

namespace flexfs::vfs {

using namespace std::chrono_literals;

TEST_CASE("data that waits for longer than the bound is counted and logged once") {
    AgeWatch watch(10s);

    CHECK(watch.look({9s, 100, {}}, 100s).empty());
    CHECK(watch.count() == 0);
    CHECK(watch.look({11s, 100, "No space left on device"}, 102s) ==
          "100 B are not stored yet, the oldest for 11.0 s; the bound is 10.0 s: No space left on "
          "device");
    CHECK(watch.look({12s, 100, {}}, 103s).empty());
    CHECK(watch.look({500s, 100, {}}, 600s).empty());
    CHECK(watch.count() == 1);
}

TEST_CASE("the log gets at most one line a minute, with the number of times since the last") {
    AgeWatch watch(10s);
    CHECK(!watch.look({11s, 100, {}}, 100s).empty());
    for (int i = 1; i <= 3; ++i) {
        CHECK(watch.look({}, 100s + i * 10s).empty());
        CHECK(watch.look({11s, 100, {}}, 105s + i * 10s).empty());
    }
    CHECK(watch.count() == 4);

    CHECK(watch.look({40s, 100, {}}, 161s) ==
          "100 B are not stored yet, the oldest for 40.0 s; the bound is 10.0 s, exceeded 3 times "
          "since the last such line");
}

}  // namespace flexfs::vfs
