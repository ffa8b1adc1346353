// Positions of names in their directories: they have 31 bits, and no two names share one.
#include <doctest/doctest.h>
#include <stdio.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <random>
#include <set>

#include "lib/db/db.h"
#include "lib/meta/fixture_test.h"
#include "lib/meta/rows.h"

namespace flexfs::meta {
namespace {

using Positions = std::map<std::string, std::uint64_t>;

Positions positions(Fixture& f, std::uint32_t limit = 1024) {
    Positions found;
    std::uint64_t after = 0;
    for (;;) {
        const auto listing =
            f.volume->read(wire::ReadDir{.ino = 1, .after = after, .limit = limit}).value();
        CHECK(listing.entries.size() < limit + 8);
        for (const wire::DirEntry& entry : listing.entries) {
            CHECK(entry.cookie > after);
            CHECK(entry.cookie <= INT32_MAX);
            CHECK(found.emplace(entry.name, entry.cookie).second);
            after = entry.cookie;
        }
        if (listing.end) return found;
        REQUIRE(!listing.entries.empty());
    }
}

int code_of_make(Fixture& f, const std::string& name) {
    return code_of(f.apply(wire::Make{.parent = 1, .name = name, .mode = S_IFREG, .now = ++f.now}));
}

// A volume whose names have two groups, both full, with the names that it took and one that it
// refused.
struct Full {
    Fixture f{{}, 2};
    std::vector<std::string> names;
    std::string refused;

    Full() {
        for (int i = 0; names.size() < 16; ++i) {
            REQUIRE(i < 1000);
            const std::string name = "name" + std::to_string(i);
            const int code = code_of_make(f, name);
            if (code == 0) names.push_back(name);
            else refused = name;
            if (code != 0) CHECK(code == ENOSPC);
        }
        if (refused.empty()) refused = "one more";
    }
};

}  // namespace

TEST_CASE("names of one group have positions of their own, and a listing goes on after each") {
    Full full;
    Fixture& f = full.f;
    const Positions all = positions(f);
    CHECK(all.size() == 16);
    CHECK(positions(f, 1) == all);
    CHECK(positions(f, 3) == all);
    for (const auto& [name, position] : all) {
        const auto rest = f.volume->read(wire::ReadDir{.ino = 1, .after = position}).value();
        for (const wire::DirEntry& entry : rest.entries) CHECK(entry.cookie > position);
        CHECK(rest.entries.size() == std::size_t(std::ranges::count_if(all, [&](const auto& other) {
                  return other.second > position;
              })));
        CHECK(f.lookup(name));
    }
    f.crash();
    CHECK(positions(f) == all);
    f.reopen();
    CHECK(positions(f) == all);
}

TEST_CASE(
    "a name that finds its group full is ENOSPC and changes nothing, until another one goes") {
    Full full;
    Fixture& f = full.f;
    const Ino there = f.lookup(full.names[0]).value().attr.ino;
    const std::string before = f.dump();
    CHECK(code_of_make(f, full.refused) == ENOSPC);
    CHECK(code_of(f.apply(wire::Link{.ino = there, .parent = 1, .name = full.refused})) == ENOSPC);
    CHECK(f.dump() == before);
    CHECK(code_of_make(f, full.names[3]) == EEXIST);
    const auto rename = [&](const std::string& from, const std::string& to, unsigned flags) {
        return code_of(f.apply(wire::Rename{.parent = 1,
                                            .name = from,
                                            .new_parent = 1,
                                            .new_name = to,
                                            .flags = flags,
                                            .now = ++f.now}));
    };
    const Positions was = positions(f);
    CHECK(rename(full.names[0], full.refused, 0) == ENOSPC);
    CHECK(rename(full.names[0], full.names[1], RENAME_EXCHANGE) == 0);
    CHECK(positions(f) == was);
    CHECK(rename(full.names[2], full.names[3], 0) == 0);
    CHECK(positions(f).size() == 15);

    for (const std::string& name : full.names)
        if (f.lookup(name)) REQUIRE(f.apply(wire::Unlink{1, name, ++f.now}));
    CHECK(positions(f).empty());
    CHECK(code_of_make(f, full.refused) == 0);
}

TEST_CASE("which position a name gets does not depend on when the database commits") {
    const char* given = std::getenv("SEED");
    const std::uint64_t seed = given ? std::strtoull(given, nullptr, 0) : 1;
    MESSAGE("SEED=", seed);
    std::mt19937_64 dice(seed);
    Fixture seldom{{}, 2}, often{{}, 2};
    for (int step = 0; step < 600; ++step) {
        const std::string one = std::to_string(dice() % 30), other = std::to_string(dice() % 30);
        const unsigned what = dice() % 5;
        for (Fixture* f : {&seldom, &often}) {
            ++f->now;
            if (what < 2) {
                static_cast<void>(code_of_make(*f, one));
            } else if (what == 2) {
                static_cast<void>(f->apply(wire::Unlink{1, one, f->now}));
            } else {
                const unsigned flags = what == 3 ? 0 : RENAME_WHITEOUT;
                static_cast<void>(f->apply(wire::Rename{1, one, 1, other, flags, f->now}));
            }
        }
        if (dice() % 3 == 0) REQUIRE(often.volume->commit());
    }
    CHECK(seldom.dump() == often.dump());
}

TEST_CASE("a volume of the fourth format keeps its names and gives those of a group positions") {
    Fixture f{{}, 3};
    for (int i = 0; i < 12; ++i) f.create(1, std::to_string(i));
    const Positions before = positions(f);
    f.volume.reset();
    {
        auto db = db::Db::open({.path = f.folder + "/meta.db"}).value();
        REQUIRE(db->execute(undo_fifth_format));
        REQUIRE(db->execute("PRAGMA user_version=4"));
    }
    f.open();
    const Positions after = positions(f);
    REQUIRE(after.size() == before.size());
    for (const auto& [name, position] : before) CHECK(after.at(name) / 8 == position / 8);
    std::set<std::uint64_t> distinct;
    for (const auto& [name, position] : after) distinct.insert(position);
    CHECK(distinct.size() == 12);
    f.create(1, "new");
}

TEST_CASE("the key of the name hash is the volume's own, and one of an older format stays") {
    const auto order = [](std::optional<std::uint64_t> key, bool old) {
        Fixture f;
        f.volume.reset();
        std::filesystem::remove(f.folder + "/meta.db");
        Options options{.path = f.folder + "/meta.db", .info = f.info, .now = 10, .name_key = key};
        f.volume = Volume::open(options).value();
        for (int i = 0; i < 20; ++i) f.create(1, std::to_string(i));
        if (old) {
            f.volume.reset();
            auto db = db::Db::open({.path = options.path}).value();
            REQUIRE(db->execute("DELETE FROM volume WHERE name = 'name_key'"));
            db.reset();
            f.volume = Volume::open(options).value();
            f.verify();
        }
        return positions(f);
    };
    CHECK(order(1, false) == order(1, false));
    CHECK(order({}, false) != order({}, false));
    const std::uint64_t of_older = name_hash("", 0);  // the volume's id is empty here
    CHECK(order(of_older, true) == order(of_older, false));
}

}  // namespace flexfs::meta
