#include "lib/fuse/disarmed.h"

#include <doctest/doctest.h>

namespace flexfs::fuse {

TEST_CASE("a thread's removal of capabilities is known although others remove some meanwhile") {
    Disarmed disarmed;
    disarmed.removed(1, 100);
    disarmed.removed(2, 200);
    disarmed.removed(3, 300);
    disarmed.asked(400);

    CHECK(disarmed.take(2, 200));
    CHECK(!disarmed.take(1, 300));
    CHECK(!disarmed.take(3, 300));  // that was about file 1
    disarmed.removed(1, 100);
    CHECK(disarmed.take(1, 100));
    CHECK(!disarmed.take(1, 100));
}

TEST_CASE("a removal is forgotten with whatever its thread asks next") {
    Disarmed disarmed;
    disarmed.removed(1, 100);
    disarmed.asked(100);
    CHECK(!disarmed.take(1, 100));

    disarmed.removed(1, 100);
    CHECK(!disarmed.take(2, 100));
    CHECK(!disarmed.take(1, 100));
}

TEST_CASE("threads without a number are told apart by the file alone") {
    Disarmed disarmed;
    disarmed.removed(1, 0);
    disarmed.asked(0);
    disarmed.removed(2, 0);
    CHECK(disarmed.take(1, 0));
    CHECK(!disarmed.take(1, 0));
    CHECK(disarmed.take(2, 0));
}

TEST_CASE("removals that nothing follows are forgotten, the oldest first") {
    Disarmed disarmed;
    for (std::uint32_t thread = 1; thread <= 1000; ++thread) disarmed.removed(thread, thread);
    CHECK(!disarmed.take(1, 1));
    CHECK(disarmed.take(1000, 1000));
}

}  // namespace flexfs::fuse
