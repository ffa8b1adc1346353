#include "lib/fuse/caller.h"

#include <doctest/doctest.h>

namespace flexfs::fuse {

TEST_CASE("groups and CAP_FSETID of a process are read off its status") {
    const auto user = parse_caller(
        "Name:\tcat\nUid:\t1000\t1000\t1000\t1000\nGroups:\t4 24 1000 \n"
        "CapEff:\t0000000000000000\n");
    REQUIRE(user);
    CHECK(user->groups == std::vector<std::uint32_t>{4, 24, 1000});
    CHECK(user->is_in(24));
    CHECK(!user->is_in(2));
    CHECK(!user->keeps_bits);

    CHECK(parse_caller("Groups:\t\nCapEff:\t000001ffffffffff\n")->keeps_bits);
    CHECK(parse_caller("Groups:\t\nCapEff:\t0000000000000010\n")->keeps_bits);
    CHECK(!parse_caller("Groups:\t\nCapEff:\t000001ffffffffef\n")->keeps_bits);
    CHECK(parse_caller("Groups:\t \nCapEff:\t0\n")->groups.empty());
}

TEST_CASE("a status without its groups or capabilities says nothing about the process") {
    CHECK(!parse_caller(""));
    CHECK(!parse_caller("Groups:\t1\n"));
    CHECK(!parse_caller("CapEff:\t10\n"));
    CHECK(!parse_caller("Groups:\t1\nCapEff:\tnothing\n"));
}

}  // namespace flexfs::fuse
