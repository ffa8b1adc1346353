// Tests the grants of several clients: who is notified, who is recalled, and in which order.
#include "lib/service/grants.h"

#include "lib/service/fixture_test.h"

namespace flexfs::service {
namespace {

TEST_CASE("other clients are notified of a change before its reply, and its sender is not") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    f.call(b, wire::Lookup{1, "x"});  // b now caches that it does not exist
    f.take_story();

    f.send(a, wire::Make{.parent = 1, .name = "x", .mode = S_IFDIR | 0755, .now = 5}, "made");
    f.turn();

    CHECK(f.take_story() == Story{"b: revoke 1 attr entry x", "a: made shared"});
}

TEST_CASE("a client that never received an inode is not notified of its changes") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    const Ino x = f.make(a, "x", S_IFDIR | 0755).attr.ino;
    const Ino y = f.make(a, "y", S_IFDIR | 0755).attr.ino;
    f.ask(b, wire::GetAttr{x});
    f.take_story();

    f.ask(a, wire::SetAttr{.ino = y, .mask = wire::set_mode, .now = 5});
    CHECK(f.take_story().empty());
    f.ask(a, wire::SetAttr{.ino = x, .mask = wire::set_mtime, .now = 5});
    CHECK(f.take_story() == Story{fmt::format("b: revoke {} attr", x)});
    f.ask(a, wire::SetXattr{.ino = x, .name = "user.n", .value = Buffer::copy_of("v"), .now = 6});
    CHECK(f.take_story() == Story{fmt::format("b: revoke {} attr xattr", x)});
}

TEST_CASE("clients that come and go leave no grants behind") {
    Fixture f;
    Client& a = f.open_session("a");
    for (int i = 0; i < 20; ++i) f.make(a, fmt::format("d{}", i), S_IFDIR | 0755);
    f.turn();
    const std::uint64_t before = f.service->counters().shared_grants;

    for (int i = 0; i < 50; ++i) {
        Client& b = f.open_session("b");
        for (Ino ino = 2; ino < 20; ++ino) f.ask(b, wire::GetAttr{ino});
        f.ask(b, wire::ReadDir{.ino = 1});
        f.ask(b, wire::CloseSession{});
        f.disconnect(b);
    }
    f.turn();

    CHECK(f.service->counters().shared_grants == before);
}

TEST_CASE("an in-process session that was the only one is notified of every change") {
    Fixture f;
    Client& a = f.open_session("a", true);
    const Ino x = f.make(a, "x", S_IFDIR | 0755).attr.ino;
    Client& b = f.open_session("b", true);
    f.take_story();

    f.make(b, "y", S_IFDIR | 0755, x);

    CHECK(f.take_story() == Story{fmt::format("a: revoke {} attr entry y", x)});
}

TEST_CASE("a rename revokes both names, the moved inode and the replaced one") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    const Ino x = f.make(a, "x", S_IFDIR | 0755).attr.ino;
    const Ino y = f.make(a, "y", S_IFDIR | 0755).attr.ino;
    f.ask(b, wire::Lookup{1, "x"});
    f.ask(b, wire::Lookup{1, "y"});
    f.take_story();

    f.ask(a, wire::Rename{.parent = 1, .name = "x", .new_parent = 1, .new_name = "y", .now = 5});

    CHECK(f.take_story() == Story{"b: revoke 1 attr entry x", "b: revoke 1 attr entry y",
                                  fmt::format("b: revoke {} attr", x),
                                  fmt::format("b: revoke {} attr orphan", y)});
}

TEST_CASE("a file that another client writes is recalled before it is read") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    const Ino ino = f.create(a, "x");
    f.take_story();

    f.send(b, wire::GetAttr{ino}, "attributes");
    f.turn();
    CHECK(f.take_story() == Story{fmt::format("a: recall {} shared", ino)});
    f.write(a, ino, "hello");
    f.turn();
    CHECK(f.take_story().empty());
    f.ask(a, wire::ReturnGrant{ino, Grant::shared});
    f.turn();

    CHECK(f.take_story() == Story{"b: attributes shared"});
    CHECK(f.ask(b, wire::GetAttr{ino}).attr.size == 5);
}

TEST_CASE("requests sent before the grant was returned take effect, answered or not") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    const Ino ino = f.create(a, "x");
    Task<wire::Entry> wanted = b.call(wire::Lookup{1, "x"});
    wanted.start();
    f.turn();
    REQUIRE_FALSE(wanted.done());

    f.send(a, Fixture::write_inline(ino, "hello", 9), "committed");
    f.send(a, wire::ReturnGrant{ino, Grant::shared}, "returned");
    f.turn();

    REQUIRE(wanted.done());
    CHECK(wanted.take()->attr.size == 5);
}

TEST_CASE("a holder does not conflict with itself") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    const Ino ino = f.create(a, "x");
    f.send(b, wire::Open{ino, Grant::exclusive}, "opened");
    f.turn();

    CHECK(f.call(a, wire::GetAttr{ino}));
    CHECK(f.call(a, wire::Extents{.ino = ino, .count = 1}));
    CHECK(f.call(a, wire::SetAttr{.ino = ino, .mask = wire::set_mode, .now = 5}));
    CHECK(f.ask(a, wire::Open{ino, Grant::exclusive}).grant ==
          Grant::none);  // its grant is being recalled
    f.ask(a, wire::ReturnGrant{ino, Grant::none});
    f.turn();
    CHECK(f.story.back() == "b: opened exclusive");
}

TEST_CASE("two clients that wait for each other's files do not deadlock") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    const Ino x = f.create(a, "x");
    const Ino y = f.create(b, "y");
    f.take_story();

    // Each waits inside an operation and answers the other's Recall meanwhile.
    f.send(a, wire::Open{y, Grant::exclusive}, "opened y");
    f.send(b, wire::Open{x, Grant::exclusive}, "opened x");
    f.turn();
    CHECK(f.take_story() ==
          Story{fmt::format("b: recall {} none", y), fmt::format("a: recall {} none", x)});
    // They write back both files in one commit, which waits for no other session.
    wire::Commit both = Fixture::write_inline(x, "x", 9);
    both.inodes.push_back(Fixture::write_inline(y, "y", 9).inodes.front());
    f.ask(a, both);
    f.ask(b, both);
    f.ask(a, wire::ReturnGrant{x, Grant::none});
    f.ask(b, wire::ReturnGrant{y, Grant::none});
    f.turn();

    CHECK(std::ranges::count(f.story, "a: opened y exclusive") == 1);
    CHECK(std::ranges::count(f.story, "b: opened x exclusive") == 1);
}

TEST_CASE("while a copy waits for one of its files, nobody gets the other one exclusively") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    Client& c = f.open_session("c");
    const Ino low = f.create(a, "low");
    f.ask(a, wire::ReturnGrant{low, Grant::none});
    const Ino high = f.create(b, "high");
    f.turn();
    f.take_story();

    f.send(a, wire::CopyRange{.from = high, .ino = low, .length = 5, .now = 7}, "copied");
    f.turn();
    CHECK(f.take_story() == Story{fmt::format("b: recall {} shared", high)});
    f.send(c, wire::Open{low, Grant::exclusive}, "opened");
    f.turn();
    CHECK(f.take_story().empty());
    f.ask(b, wire::ReturnGrant{high, Grant::shared});
    f.turn();
    CHECK(f.take_story().front() == "a: copied shared");
}

TEST_CASE("waiting requests for one file are served in the order of their arrival") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    Client& c = f.open_session("c");
    const Ino ino = f.create(a, "x");
    f.take_story();

    f.send(b, wire::Open{ino, Grant::exclusive}, "opened");
    f.send(c, wire::GetAttr{ino}, "attributes");
    f.turn();
    f.ask(a, wire::ReturnGrant{ino, Grant::none});
    f.turn();
    const std::string recall_none = fmt::format("a: recall {} none", ino);
    const std::string revoked = fmt::format("a: revoke {} attr data xattr", ino);
    const std::string recall_shared = fmt::format("b: recall {} shared", ino);
    CHECK(f.take_story() == Story{recall_none, revoked, "b: opened exclusive", recall_shared});
    f.ask(b, wire::ReturnGrant{ino, Grant::shared});
    f.turn();

    CHECK(f.take_story() == Story{"c: attributes shared"});
}

TEST_CASE("a client that disappeared loses its grants when its lease ends") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b", true);
    const Ino ino = f.create(a, "x");
    f.send(b, wire::GetAttr{ino}, "attributes");
    f.disconnect(a);
    f.turn();
    CHECK(f.take_story().back() != "b: attributes shared");

    REQUIRE(f.loop.run(f.service->end_expired(f.loop.now() + std::chrono::hours(1))));
    f.turn();

    CHECK(f.take_story() == Story{"b: attributes shared"});
}

TEST_CASE("closing a session returns its grants") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    const Ino ino = f.create(a, "x");
    f.send(b, wire::GetAttr{ino}, "attributes");
    f.turn();
    f.take_story();

    f.ask(a, wire::CloseSession());
    f.turn();

    CHECK(f.take_story() == Story{"b: attributes shared"});
}

TEST_CASE("a cancelled request does not block the requests behind it") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    Client& c = f.open_session("c");
    const Ino ino = f.create(a, "x");
    f.take_story();
    Scope given_up;
    given_up.start(Fixture::note(b.call(wire::Open{ino, Grant::exclusive}), "b: opened", f.story));
    f.send(c, wire::GetAttr{ino}, "attributes");
    f.turn();

    REQUIRE(f.loop.run(given_up.close()));
    f.ask(a, wire::ReturnGrant{ino, Grant::shared});
    f.turn();

    CHECK(f.take_story().back() == "c: attributes shared");
}

TEST_CASE("a client that reconnects is asked again for the grants that it has not returned") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    const Ino ino = f.create(a, "x");
    const wire::SessionId session = a.session;
    f.disconnect(a);
    f.send(b, wire::GetAttr{ino}, "attributes");
    f.turn();
    f.take_story();

    Client& again = f.connect("a");
    f.ask(again, f.resuming("a", session));

    CHECK(f.take_story() == Story{fmt::format("a: recall {} shared", ino)});
    again.sequence = 100;
    f.ask(again, wire::ReturnGrant{ino, Grant::shared});
    f.turn();
    CHECK(f.take_story() == Story{"b: attributes shared"});
}

TEST_CASE("an exclusive grant revokes the file's attributes from other clients") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    Client& c = f.open_session("c");
    const Ino ino = f.create(a, "x");
    f.ask(a, wire::ReturnGrant{ino, Grant::none});
    f.ask(c, wire::GetAttr{ino});
    f.take_story();

    CHECK(f.ask(b, wire::Open{ino, Grant::exclusive}).grant == Grant::exclusive);

    CHECK(std::ranges::count(f.story, fmt::format("c: revoke {} attr data xattr", ino)) == 1);
    CHECK(f.ask(b, wire::Open{ino, Grant::exclusive}).grant == Grant::exclusive);
}

// `to` opens the file for writing; `from` returns its grant, if it holds one.
Grant pass(Fixture& f, Ino ino, Client& from, Client& to) {
    Task<wire::Entry> opened = to.call(wire::Open{ino, Grant::exclusive});
    opened.start();
    f.turn();
    if (!opened.done()) {
        f.ask(from, wire::ReturnGrant{ino, Grant::none});
        f.turn();
    }
    REQUIRE(opened.done());
    return opened.take()->grant;
}

TEST_CASE("a file that two clients keep writing is granted to neither") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    const Ino ino = f.create(a, "x");

    CHECK(pass(f, ino, a, b) == Grant::exclusive);  // a hand-over
    CHECK(pass(f, ino, b, a) == Grant::none);
    CHECK(pass(f, ino, a, b) == Grant::none);
    CHECK(f.ask(b, wire::GetAttr{ino}).grant == Grant::none);
    CHECK(f.ask(a, wire::Lookup{1, "x"}).grant == Grant::none);
}

TEST_CASE("a listing leaves out the attributes of files that another client writes") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    const Ino mine = f.create(a, "mine");
    const Ino yours = f.create(b, "yours");

    const wire::Listing listing = f.ask(b, wire::ReadDir{.ino = 1, .plus = true});

    REQUIRE(listing.entries.size() == 2);
    for (const wire::DirEntry& entry : listing.entries)
        CHECK(entry.attr.ino == (entry.ino == yours ? yours : 0));
    CHECK(mine != yours);
}

TEST_CASE("opening an existing file with create waits for its writer") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    const Ino ino = f.create(a, "x");
    f.take_story();

    f.send(
        b,
        wire::Make{.parent = 1, .name = "x", .mode = S_IFREG | 0644, .existing_ok = true, .now = 5},
        "opened");
    f.turn();
    CHECK(f.take_story() == Story{fmt::format("a: recall {} shared", ino)});
    f.ask(a, wire::ReturnGrant{ino, Grant::shared});
    f.turn();

    CHECK(f.take_story() == Story{"b: opened shared"});
}

TEST_CASE("an unlinked file lives until every client that knew it has released it") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    Client& c = f.open_session("c");
    const Ino ino = f.create(a, "x");
    f.ask(a, wire::ReturnGrant{ino, Grant::shared});
    f.ask(b, wire::Lookup{1, "x"});
    f.take_story();

    CHECK(f.ask(a, wire::Unlink{1, "x", ++f.now}).attr.nlink == 0);
    const Story told = f.take_story();
    CHECK(told == Story{"b: revoke 1 attr entry x", fmt::format("b: revoke {} attr orphan", ino)});
    f.ask(a, wire::Release{{ino}});
    CHECK(f.call(b, wire::GetAttr{ino}));
    f.ask(b, wire::Release{{ino}});

    CHECK(code_of(f.call(b, wire::GetAttr{ino})) == ESTALE);
    CHECK(code_of(f.call(c, wire::GetAttr{ino})) == ESTALE);
}

TEST_CASE("a file renamed and unlinked in one batch lives until its clients release it") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    const Ino ino = f.make(a, "x", S_IFIFO | 0644).attr.ino;
    f.ask(b, wire::GetAttr{ino});

    f.send(a, wire::Rename{.parent = 1, .name = "x", .new_parent = 1, .new_name = "y", .now = 5},
           "renamed");
    f.send(a, wire::Unlink{1, "y", 6}, "unlinked");
    REQUIRE(f.loop.run(f.scope.join()));
    f.ask(a, wire::Release{{ino}});

    CHECK(f.call(b, wire::GetAttr{ino}));
    f.ask(b, wire::Release{{ino}});
    CHECK(code_of(f.call(b, wire::GetAttr{ino})) == ESTALE);
}

TEST_CASE("a grant that does not fit in the table of grants is revoked") {
    Fixture f({.shared_max = 2});
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    std::vector<Ino> inos;
    for (const char* name : {"x", "y", "z"})
        inos.push_back(f.make(a, name, S_IFIFO | 0644).attr.ino);
    f.turn();
    f.take_story();

    for (Ino ino : inos) f.ask(b, wire::GetAttr{ino});
    f.turn();

    const std::string revoked = fmt::format("b: revoke {} attr data xattr", inos[0]);
    CHECK(std::ranges::count(f.story, revoked) == 1);
}

TEST_CASE("a client that knows names in too many folders is notified of every change") {
    Fixture f({.folders_max = 1});
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    const Ino x = f.make(a, "x", S_IFDIR | 0755).attr.ino;
    const Ino y = f.make(a, "y", S_IFDIR | 0755).attr.ino;
    f.call(b, wire::Lookup{x, "n"});
    f.call(b, wire::Lookup{y, "n"});
    f.turn();
    f.take_story();

    f.make(a, "n", S_IFIFO | 0644, x);

    CHECK(f.take_story() == Story{fmt::format("b: revoke {} attr entry n", x)});
}

}  // namespace
}  // namespace flexfs::service
