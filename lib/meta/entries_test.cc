// Which changes of names reach the database, and what reads return before that.
#include "lib/meta/entries.h"

#include <algorithm>

#include "lib/meta/reads.h"
#include "lib/meta/state_test.h"

namespace flexfs::meta {
namespace {

std::vector<std::string> listed(State& state) {
    std::vector<std::string> names;
    const auto listing = readdir(state, {.ino = 1, .limit = 1000});
    REQUIRE(listing);
    for (const wire::DirEntry& entry : listing->entries) names.push_back(entry.name);
    std::ranges::sort(names);
    return names;
}

int lookup_code(State& state, std::string name) {
    return code_of(lookup(state, {.parent = 1, .name = std::move(name)}, false));
}

wire::Make file(std::string name) {
    return {.parent = 1, .name = std::move(name), .mode = S_IFREG};
}
wire::Make folder(std::string name) {
    return {.parent = 1, .name = std::move(name), .mode = S_IFDIR};
}

}  // namespace

TEST_CASE("names are looked up as they are, written to the table or not") {
    StateFixture f;
    CHECK(lookup_code(*f.state, "0") == ENOENT);

    REQUIRE(f.create(2));
    CHECK(lookup_code(*f.state, "0") == 0);
    CHECK(listed(*f.state).empty());
    REQUIRE(write_back(*f.state));
    CHECK(lookup_code(*f.state, "0") == 0);
    CHECK(listed(*f.state) == std::vector<std::string>{"0", "1"});

    REQUIRE(f.unlink(1));
    CHECK(lookup_code(*f.state, "0") == ENOENT);
    CHECK(lookup_code(*f.state, "1") == 0);
    REQUIRE(write_back(*f.state));
    CHECK(lookup_code(*f.state, "0") == ENOENT);
    CHECK(listed(*f.state) == std::vector<std::string>{"1"});
}

TEST_CASE("a name that is taken away and given again is one row") {
    StateFixture f;
    REQUIRE(f.create(1));
    REQUIRE(commit_pending(*f.state));

    REQUIRE(f.unlink(1));
    CHECK(f.call(folder("0")) == 0);
    CHECK(f.call(file("0")) == EEXIST);
    REQUIRE(write_back(*f.state));
    CHECK(listed(*f.state) == std::vector<std::string>{"0"});
    CHECK(f.call(wire::Unlink{.parent = 1, .name = "0"}) == EISDIR);
}

TEST_CASE("a folder is empty when its names are gone, written or not") {
    StateFixture f;
    const Ino ino = 2;
    const wire::Rmdir remove{.parent = 1, .name = "d"};
    const wire::Make inside{.parent = ino, .name = "in", .mode = S_IFREG};
    const wire::Make beside{.parent = ino, .name = "beside", .mode = S_IFREG};
    REQUIRE(f.call(folder("d")) == 0);

    REQUIRE(f.call(inside) == 0);
    CHECK(f.call(remove) == ENOTEMPTY);
    REQUIRE(commit_pending(*f.state));
    CHECK(f.call(remove) == ENOTEMPTY);
    REQUIRE(f.call(wire::Unlink{.parent = ino, .name = "in"}) == 0);
    REQUIRE(f.call(beside) == 0);
    CHECK(f.call(remove) == ENOTEMPTY);
    REQUIRE(f.call(wire::Unlink{.parent = ino, .name = "beside"}) == 0);
    CHECK(f.call(remove) == 0);
    CHECK(lookup_code(*f.state, "d") == ENOENT);
}

TEST_CASE("changes that a fault undoes leave no names in memory") {
    StateFixture f;
    REQUIRE(f.create(3));
    f.state->db->fail_disk(EIO);
    CHECK(f.call(file("lost")) != 0);
    f.state->db->fail_disk(0);

    CHECK(lookup_code(*f.state, "lost") == ENOENT);
    CHECK(lookup_code(*f.state, "2") == 0);
    CHECK(f.call(file("lost")) == 0);
}

}  // namespace flexfs::meta
