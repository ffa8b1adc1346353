#include "lib/vfs/extent_map.h"

#include <doctest/doctest.h>

namespace flexfs::vfs {
namespace {

constexpr std::uint32_t block = 100;

Extent extent(std::uint64_t idx, std::uint64_t seq, std::uint32_t off, std::uint32_t len) {
    Extent made;
    made.idx = idx;
    made.seq = seq;
    made.off = off;
    made.len = len;
    return made;
}

}  // namespace

TEST_CASE("only what was learned is known, and a block can be forgotten alone") {
    ExtentMap map(block);
    map.learn(2, 5, {extent(3, 1, 0, 10)});
    CHECK(map.first_unknown(0, 9) == 0);
    CHECK(map.first_unknown(2, 9) == 5);
    map.learn(5, 7, {});
    CHECK(map.first_unknown(2, 9) == 7);

    map.forget(3);
    CHECK(map.first_unknown(2, 9) == 3);
    CHECK(map.first_unknown(4, 9) == 7);
    CHECK(map.block(3).empty());
    CHECK_FALSE(map.knows_all());
    map.learn_all({});
    CHECK(map.knows_all());
}

TEST_CASE("an extent hides what it covers wholly, and tells how many bytes it adds") {
    ExtentMap map(block);
    map.learn_all({});
    CHECK(map.add(extent(0, 1, 10, 20)) == 20);
    CHECK(map.add(extent(0, 2, 20, 20)) == 10);
    CHECK(map.add(extent(0, 3, 10, 15)) == 0);
    CHECK(map.block(0).size() == 2);

    CHECK(map.add(extent(0, 4, 5, 40)) == 10);
    CHECK(map.block(0).size() == 1);
}

TEST_CASE("an extent of a block that is not known is not remembered") {
    ExtentMap map(block);
    CHECK(map.add(extent(0, 1, 10, 20)) == 0);
    CHECK(map.block(0).empty());
}

TEST_CASE("a cut shortens the block it goes through and drops those behind") {
    ExtentMap map(block);
    map.learn(
        0, 3,
        {extent(0, 1, 0, 100), extent(1, 2, 0, 80), extent(1, 3, 60, 30), extent(2, 4, 0, 10)});
    map.cut(150);

    CHECK(map.block(0).size() == 1);
    REQUIRE(map.block(1).size() == 1);
    CHECK(map.block(1)[0].len == 50);
    CHECK(map.block(2).empty());
    CHECK(map.first_unknown(0, 1'000'000) == 1'000'000);
}

}  // namespace flexfs::vfs
