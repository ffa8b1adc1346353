// Group commit and durability.
#include "lib/service/batch.h"

#include "lib/service/fixture_test.h"

namespace flexfs::service {
namespace {

TEST_CASE("changes that arrive in one turn are one transaction") {
    Fixture f;
    Client& a = f.open_session("a", true);
    const Counters before = f.service->counters();

    for (int i = 0; i < 100; ++i)
        f.send(a,
               wire::Make{
                   .parent = 1, .name = fmt::format("f{}", i), .mode = S_IFREG | 0644, .now = 5},
               "made");
    REQUIRE(f.loop.run(f.scope.join()));

    CHECK(f.service->counters().batches - before.batches == 1);
    CHECK(f.service->counters().calls - before.calls == 100);
    CHECK(f.take_story() == Story(100, "a: made exclusive"));
    CHECK(f.ask(a, wire::ReadDir{.ino = 1}).entries.size() == 100);
}

TEST_CASE("one sync serves all durable commits of a turn") {
    Fixture f;
    Client& a = f.open_session("a", true);
    std::vector<Ino> files;
    for (int i = 0; i < 20; ++i) files.push_back(f.create(a, fmt::format("f{}", i)));
    const std::uint64_t before = f.service->counters().syncs;

    for (Ino ino : files) {
        wire::Commit commit = Fixture::write_inline(ino, "x", 9);
        commit.durable = true;
        f.send(a, std::move(commit), "durable");
    }
    REQUIRE(f.loop.run(f.scope.join()));

    CHECK(f.service->counters().syncs - before == 1);
}

TEST_CASE("a sync that began before a change does not answer for it") {
    Fixture f;
    Client& a = f.open_session("a", true);
    const Ino ino = f.create(a, "x");
    const std::uint64_t before = f.service->counters().syncs;

    wire::Commit commit = Fixture::write_inline(ino, "one", 9);
    commit.durable = true;
    f.send(a, commit, "first");
    while (f.service->counters().syncs == before) f.turn();
    f.send(a, commit, "second");
    REQUIRE(f.loop.run(f.scope.join()));

    CHECK(f.service->counters().syncs - before == 2);
    CHECK(f.take_story() == Story{"a: first", "a: second"});
}

TEST_CASE("nothing is synced twice") {
    Fixture f;
    Client& a = f.open_session("a", true);
    f.create(a, "x");
    f.ask(a, wire::Sync());
    const std::uint64_t before = f.service->counters().syncs;

    f.ask(a, wire::Sync());
    f.ask(a, wire::GetAttr{1});

    CHECK(f.service->counters().syncs == before);
}

TEST_CASE("with sync_always every change is on disk before it is answered") {
    Fixture f({.sync_always = true});
    Client& a = f.open_session("a", true);
    const std::uint64_t before = f.service->counters().syncs;

    f.create(a, "x");
    f.ask(a, wire::Unlink{1, "x", ++f.now});

    CHECK(f.service->counters().syncs - before == 2);
}

TEST_CASE("a read that arrives after a change was answered sees it") {
    Fixture f;
    Client& a = f.open_session("a", true);

    const Ino ino = f.create(a, "x");

    CHECK(f.ask(a, wire::Lookup{1, "x"}).attr.ino == ino);
    f.ask(a, wire::Unlink{1, "x", ++f.now});
    CHECK(code_of(f.call(a, wire::Lookup{1, "x"})) == ENOENT);
}

TEST_CASE("reads are answered without waiting for the turn's end") {
    Fixture f;
    Client& a = f.open_session("a", true);
    f.create(a, "x");

    Task<wire::Entry> lookup = a.call(wire::Lookup{1, "x"});
    lookup.start();

    CHECK(lookup.done());
}

TEST_CASE("a full disk is ENOSPC for what did not fit and nothing else") {
    Fixture f;
    Client& a = f.open_session("a", true);
    const Ino ino = f.create(a, "before");

    f.volume->fail_disk(ENOSPC);
    CHECK(code_of(
              f.call(a, wire::Make{.parent = 1, .name = "x", .mode = S_IFREG | 0644, .now = 5})) ==
          ENOSPC);
    CHECK(f.ask(a, wire::Lookup{1, "before"}).attr.ino == ino);
    f.volume->fail_disk(0);

    f.create(a, "x");
    CHECK(f.ask(a, wire::ReadDir{.ino = 1}).entries.size() == 2);
}

}  // namespace
}  // namespace flexfs::service
