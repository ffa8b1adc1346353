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
    made.segment = 1;
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

    map.forget(3, 4);
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

TEST_CASE("an extent that is learned late lies below newer ones, and is not there twice") {
    ExtentMap map(block);
    Extent unwritten = extent(0, 9, 0, 100);
    unwritten.segment = 0;
    map.learn_all({unwritten, extent(0, 3, 0, 10), extent(0, 7, 20, 30)});
    CHECK(map.add(extent(0, 5, 5, 30)) == 0);
    REQUIRE(map.block(0).size() == 4);
    CHECK(map.block(0)[2].seq == 5);
    CHECK(map.block(0)[3].seq == 7);

    CHECK(map.add(extent(0, 5, 5, 30)) == 0);
    CHECK(map.add(extent(0, 6, 25, 10)) == 0);  // hidden at once
    CHECK(map.block(0).size() == 4);
}

TEST_CASE("an extent of a block that is not known is not remembered") {
    ExtentMap map(block);
    CHECK(map.add(extent(0, 1, 10, 20)) == 0);
    CHECK(map.block(0).empty());
}

TEST_CASE("a range of blocks is forgotten, whatever of it was known") {
    ExtentMap map(block);
    map.learn(2, 5, {extent(3, 1, 0, 10)});
    map.learn(7, 9, {extent(8, 2, 0, 10)});
    map.forget(4, 8);
    CHECK(map.first_unknown(2, 9) == 4);
    CHECK_FALSE(map.knows(7));
    CHECK(map.knows(8));
    CHECK(map.next_block(0) == 3);
    CHECK(map.next_block(4) == 8);
    CHECK(map.next_block(9) == UINT64_MAX);
    map.forget(0, UINT64_MAX);
    CHECK(map.empty());
}

TEST_CASE("a hole splits what lies on both its sides, and whole blocks are known to be empty") {
    ExtentMap map(block);
    map.learn(0, 4, {extent(0, 1, 0, 100), extent(0, 2, 20, 10), extent(3, 3, 5, 90)});
    map.punch(40, 60);
    REQUIRE(map.block(0).size() == 3);
    CHECK(map.block(0)[0].len == 40);
    CHECK(map.block(0)[1].off == 60);
    CHECK(map.block(0)[1].skip == 60);
    CHECK(map.block(0)[1].len == 40);
    CHECK(map.block(0)[2].off == 20);

    map.punch(90, 710);
    CHECK(map.block(0)[1].len == 30);
    CHECK(map.block(3).empty());
    CHECK(map.first_unknown(0, 9) == 7);
    map.learn_all({extent(1, 1, 0, 100)});
    map.punch(100, 130);
    CHECK(map.block(1)[0].skip == 30);
    map.punch(100, 200);
    CHECK(map.empty());
}

TEST_CASE("a cut shortens the block it goes through and drops those behind") {
    ExtentMap map(block);
    map.learn(
        0, 3,
        {extent(0, 1, 0, 100), extent(1, 2, 0, 80), extent(1, 3, 60, 30), extent(2, 4, 0, 10)});
    map.punch(150, UINT64_MAX);

    CHECK(map.block(0).size() == 1);
    REQUIRE(map.block(1).size() == 1);
    CHECK(map.block(1)[0].len == 50);
    CHECK(map.block(2).empty());
    CHECK(map.first_unknown(0, 1'000'000) == 1'000'000);
}

TEST_CASE("room that is kept lies below the data, adds what that lacks, and goes in whole pages") {
    ExtentMap map(256 << 10);
    map.learn(0, 1, {});
    map.keep_room(5000, 20'000);
    map.keep_room(5000, 20'000);
    map.keep_room(5000, 300'000);
    REQUIRE(map.block(0).size() == 2);
    CHECK_FALSE(map.knows(1));
    CHECK(map.block(1).empty());
    CHECK(map.add(extent(0, 1, 0, 8192)) == 4096);
    CHECK(map.add(extent(0, 2, 0, 256 << 10)) == 0);
    CHECK(map.block(0).size() == 3);
    CHECK(map.block(0)[0].is_unwritten());
    CHECK_FALSE(map.block(0)[2].is_unwritten());

    map.punch(4097, 12'287);
    CHECK(map.block(0).size() == 4);
    map.punch(12'287, UINT64_MAX);
    REQUIRE(map.block(0).size() == 3);
    CHECK(map.block(0)[0].off == 4096);
    CHECK(map.block(0)[0].len == 8192);
}

}  // namespace flexfs::vfs
