// Which changes of inodes reach the database, and how many inodes stay in memory.
#include "lib/meta/inodes.h"

#include "lib/meta/state_test.h"

namespace flexfs::meta {

TEST_CASE("a folder that gains many names is written once, and what lives shortly not at all") {
    StateFixture f;
    REQUIRE(f.create(100));
    CHECK(f.rows_written_back() == 201);  // the folder, the files and their names
    REQUIRE(f.unlink(100));
    REQUIRE(commit_pending(*f.state));

    REQUIRE(f.create(100));
    REQUIRE(f.unlink(100));
    CHECK(f.rows_written_back() == 3);  // the folder and two counters
}

TEST_CASE("calls that are refused leave no more inodes in memory than others") {
    StateFixture f;
    constexpr int count = 20'000;
    f.state->inodes.keep(count / 8);
    REQUIRE(f.create(count));
    REQUIRE(commit_pending(*f.state));

    for (int round = 0; round < 2; ++round) {
        const auto codes = f.each(count, [](std::string name) {
            return wire::Rmdir{.parent = 1, .name = std::move(name)};
        });
        CHECK(codes == std::vector<int>(count, ENOTDIR));
    }
    REQUIRE(f.unlink(1));
    CHECK(!f.state->inodes.is_full());
}

}  // namespace flexfs::meta
