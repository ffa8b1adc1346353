// The cache of names, including names that are known not to exist.
#include "lib/vfs/names.h"

#include <doctest/doctest.h>

namespace flexfs::vfs {
namespace {

struct Table {
    cache::Budget budget{64 << 20, 16 << 20};
    NameCache names;

    explicit Table(std::uint64_t bytes = 1 << 20) : names(budget, bytes) {}
};

}  // namespace

TEST_CASE("all names of a new folder are known, until one of them is forgotten") {
    Table t;
    CHECK_FALSE(t.names.knows_all(5));
    t.names.made_folder(5);
    t.names.put(5, "a", 7);
    t.names.erase(5, "a");
    t.names.erase(5, "never there");
    CHECK(t.names.knows_all(5));
    CHECK(t.names.find(5, "a") == 0);

    t.names.put(5, "b", 8);
    t.names.forget(5, "c");
    CHECK_FALSE(t.names.knows_all(5));
    CHECK(t.names.find(5, "b") == 8);
}

TEST_CASE("a folder of which a name was evicted is no longer known completely") {
    Table t(4096);
    t.names.made_folder(5);
    t.names.put(5, "first", 7);
    t.names.made_folder(6);
    for (int i = 0; t.names.knows_all(5); ++i) {
        REQUIRE(i < 100);
        t.names.put(6, "name " + std::to_string(i), 100 + Ino(i));
    }
    CHECK(t.names.find(5, "first") == 0);
    CHECK(t.names.knows_all(6));
}

TEST_CASE("completely known folders stay within their share of the memory") {
    Table t(64 << 10);
    t.names.put(1, "name", 2);
    for (Ino folder = 10; folder < 100'000; ++folder) t.names.made_folder(folder);
    CHECK(t.names.find(1, "name") == 2);
    CHECK(t.names.knows_all(99'999));
    CHECK_FALSE(t.names.knows_all(10));
}

}  // namespace flexfs::vfs
