// Tests of sessions: exactly-once execution, leases, restarts, and the state after a crash.
#include "lib/service/fixture_test.h"

namespace flexfs::service {
namespace {

// Sends the same request with the same sequence over a new connection.
template <class R>
Result<typename R::Reply> repeat(Fixture& f, Client& client, std::uint64_t sequence, R request) {
    return f.loop.run(client.handler->handle({sequence, 0}, std::move(request)));
}

Client& resume(Fixture& f, const std::string& name, wire::SessionId session,
               std::uint64_t sequence) {
    Client& client = f.connect(name);
    client.sequence = sequence;
    client.session = f.ask(client, f.resuming(name, session)).session;
    CHECK(client.session == session);
    return client;
}

TEST_CASE("a change whose reply was lost is not made twice") {
    Fixture f;
    Client& a = f.open_session("a");
    const wire::SessionId session = a.session;
    const wire::Unlink request{1, "x", 9};
    f.create(a, "x");
    const wire::Removed first = f.ask(a, request);
    const std::uint64_t sequence = a.sequence;
    f.disconnect(a);

    Client& again = resume(f, "a", session, sequence);
    Client& b = f.open_session("b");
    f.create(b, "x");
    const auto second = repeat(f, again, sequence, request);

    REQUIRE(second);
    CHECK(second->attr == first.attr);
    CHECK(f.call(b, wire::Lookup{1, "x"}));
}

TEST_CASE("a change whose reply was lost is not made twice after a restart either") {
    Fixture f({.grace = std::chrono::hours(1)});
    Client& a = f.open_session("a");
    const wire::SessionId session = a.session;
    const wire::Rename request{
        .parent = 1, .name = "x", .new_parent = 1, .new_name = "y", .now = 9};
    f.create(a, "x");
    f.ask(a, request);
    const std::uint64_t sequence = a.sequence;

    f.restart();
    Client& again = resume(f, "a", session, sequence);
    const auto second = repeat(f, again, sequence, request);

    CHECK(second);
    CHECK(f.call(again, wire::Lookup{1, "y"}));
}

TEST_CASE("a repeated create tells what was made and grants nothing") {
    Fixture f;
    Client& a = f.open_session("a");
    const wire::Make request{.parent = 1, .name = "x", .mode = S_IFREG | 0644, .now = 9};
    const wire::Entry first = f.ask(a, request);

    const auto second = repeat(f, a, a.sequence, request);

    REQUIRE(second);
    CHECK(second->attr == first.attr);
    CHECK(first.grant == Grant::exclusive);
    CHECK(second->grant == Grant::none);
}

TEST_CASE("without a session there is no answer") {
    Fixture f;
    Client& a = f.connect("a");

    CHECK(code_of(f.call(a, wire::GetAttr{1})) == ESTALE);
    CHECK(code_of(f.call(a, wire::Sync())) == ESTALE);
    CHECK(code_of(f.call(a, wire::Unlink{1, "x", 9})) == ESTALE);
}

TEST_CASE("a closed session is over") {
    Fixture f;
    Client& a = f.open_session("a");

    f.ask(a, wire::CloseSession());

    CHECK(code_of(f.call(a, wire::GetAttr{1})) == ESTALE);
    CHECK(f.service->counters().sessions == 0);
}

TEST_CASE("a read-only session changes nothing") {
    Fixture f;
    Client& a = f.connect("a");
    CHECK(f.ask(a, wire::OpenSession{.client = "a", .read_only = true}).read_only);

    CHECK(code_of(f.call(a, wire::Unlink{1, "x", 9})) == EROFS);
    CHECK(f.call(a, wire::GetAttr{1}));
    CHECK(f.call(a, wire::CloseSession()));
}

TEST_CASE("a session over a socket ends with its lease and one in process does not") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b", true);

    REQUIRE(f.loop.run(f.service->end_expired(f.loop.now() + std::chrono::seconds(19))));
    CHECK(f.call(a, wire::Renew()));
    REQUIRE(f.loop.run(f.service->end_expired(f.loop.now() + std::chrono::hours(1))));

    CHECK(a.disconnected);
    CHECK(code_of(f.call(a, wire::Renew())) == ESTALE);
    CHECK(f.call(b, wire::Renew()));
    CHECK(f.service->counters().sessions == 1);
}

TEST_CASE("a session in process ends with its client") {
    Fixture f;
    f.open_session("a", true);
    Client& b = f.open_session("b");

    f.disconnect(*f.clients.front());
    f.ask(b, wire::Renew());
    f.turn();

    CHECK(f.service->counters().sessions == 1);
}

TEST_CASE("a session whose end met a full disk ends later") {
    Fixture f;
    Client& a = f.open_session("a", true);
    f.volume->fail_disk(ENOSPC);
    f.disconnect(a);
    f.turn();
    CHECK(f.service->counters().sessions == 1);

    f.volume->fail_disk(0);
    REQUIRE(f.loop.run(f.service->end_expired(f.loop.now())));

    CHECK(f.service->counters().sessions == 0);
}

TEST_CASE("a connection that is lost does not end its session") {
    Fixture f;
    Client& a = f.open_session("a");
    const wire::SessionId session = a.session;
    const std::uint64_t sequence = a.sequence;
    f.disconnect(a);
    f.turn();

    resume(f, "a", session, sequence);

    CHECK(f.service->counters().sessions == 1);
}

TEST_CASE("an ended session cannot be resumed") {
    Fixture f;
    Client& a = f.open_session("a");
    const wire::SessionId session = a.session;
    f.ask(a, wire::CloseSession());

    Client& b = f.connect("b");

    CHECK(code_of(f.call(b, f.resuming("b", session))) == ESTALE);
}

TEST_CASE("a process that replaces its image keeps its session, and what it had open unlinked") {
    Fixture f({.grace = std::chrono::minutes(1)});
    Client& a = f.open_session("a", true);
    const wire::SessionId session = a.session;
    const Ino ino = f.create(a, "x");
    f.ask(a, wire::Unlink{1, "x", ++f.now});

    f.restart();
    Client& again = f.connect("a", true);
    f.ask(again, f.resuming("a", session));

    CHECK(f.ask(again, wire::GetAttr{ino}).attr.nlink == 0);
    const Ino other = f.create(again, "y");
    f.ask(again, wire::Unlink{1, "y", ++f.now});
    CHECK(f.ask(again, wire::GetAttr{other}).attr.nlink == 0);
    f.ask(again, wire::Release{{ino, other}});
    CHECK(f.ask(again, wire::StatFs()).inodes == 1);
    f.disconnect(again);
    f.turn();
    CHECK(f.service->counters().sessions == 0);
}

TEST_CASE("files that a killed process had open without a name are freed") {
    Fixture f;
    Client& a = f.open_session("a", true);
    f.create(a, "x");
    f.create(a, "y");
    CHECK(f.ask(a, wire::Unlink{1, "x", ++f.now}).attr.nlink == 0);
    CHECK(f.ask(a, wire::StatFs()).inodes == 3);

    static_cast<void>(f.loop.run(f.service->close()));
    f.restart();
    REQUIRE(f.loop.run(f.service->maintain()));

    Client& b = f.open_session("b", true);
    CHECK(f.ask(b, wire::StatFs()).inodes == 2);
}

TEST_CASE("a session is resumed with its secret only") {
    Fixture f;
    Client& a = f.open_session("a");
    const wire::SessionId session = a.session;
    f.disconnect(a);
    const auto answer = [&](Buffer secret) {
        wire::OpenSession request = f.resuming("b", session);
        request.secret = std::move(secret);
        return code_of(f.call(f.connect("b"), std::move(request)));
    };

    CHECK(answer({}) == ESTALE);
    CHECK(answer(Buffer::copy_of(std::string(16, 'x'))) == ESTALE);
    CHECK(answer(f.secrets[session]) == 0);
    CHECK(f.secrets[session].size() == 16);
    f.open_session("c");
    CHECK(f.secrets.rbegin()->second.text() != f.secrets[session].text());
}

TEST_CASE("an attempt to resume that was overtaken by a later one is refused") {
    Fixture f;
    Client& a = f.open_session("a");
    const wire::OpenSession delayed = f.resuming("a", a.session);
    Client& later = resume(f, "a", a.session, a.sequence);

    CHECK(a.disconnected);
    CHECK(code_of(f.call(f.connect("a"), delayed)) == EALREADY);
    CHECK(code_of(f.call(a, wire::Renew())) == ESTALE);
    CHECK(f.call(later, wire::Renew()));
}

TEST_CASE("a request that arrives over a connection which was replaced changes nothing") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& later = resume(f, "a", a.session, a.sequence);
    f.create(later, "x");

    CHECK(code_of(f.call(a, wire::Unlink{1, "x", 9})) == ESTALE);
    CHECK(f.call(later, wire::Lookup{1, "x"}));
}

TEST_CASE("a lapsed session goes on without its grants, and its requests stay exactly once") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b", true);
    const Ino ino = f.create(a, "x");
    const wire::Unlink request{1, "y", 9};
    f.create(a, "y");
    f.ask(a, request);
    const std::uint64_t sequence = a.sequence;
    const wire::SegmentId reserved = f.ask(a, wire::ReserveSegments{1}).first;
    f.put(reserved);
    f.send(b, wire::Open{ino, Grant::exclusive}, "opened");
    f.turn();
    f.take_story();

    REQUIRE(f.loop.run(f.service->end_expired(f.loop.now() + std::chrono::seconds(21))));
    f.turn();

    CHECK(f.take_story() == Story{"b: opened exclusive"});
    CHECK(a.disconnected);
    Client& again = f.connect("a");
    const wire::Session resumed = f.ask(again, f.resuming("a", a.session));
    CHECK(resumed.lapsed);
    CHECK(f.ask(again, wire::Reassert{{ino}, true}).refused == std::vector<Ino>{ino});
    f.create(b, "y");
    CHECK(repeat(f, again, sequence, request));
    CHECK(f.call(b, wire::Lookup{1, "y"}));
    again.sequence = sequence + 10;
    const Ino other = f.create(again, "z");
    CHECK(f.ask(again, f.commit_segment(other, 0, reserved, false)).errors == std::vector{0});
}

TEST_CASE("after a restart nobody is given what a session may hold until that has said so") {
    Fixture f({.grace = std::chrono::hours(1)});
    Client& a = f.open_session("a");
    const wire::SessionId session = a.session;
    const Ino held = f.create(a, "held"), free = f.create(a, "free");
    const std::uint64_t sequence = a.sequence;

    f.restart();
    Client& b = f.open_session("b");
    Scope opens;
    opens.start(f.note(b.call(wire::Open{held, Grant::exclusive}), "b: held", f.story));
    opens.start(f.note(b.call(wire::Open{free, Grant::exclusive}), "b: free", f.story));
    f.turn();
    CHECK(f.take_story().empty());

    Client& again = resume(f, "a", session, sequence);
    f.turn();
    CHECK(f.take_story().empty());
    CHECK(f.ask(again, wire::Reassert{{held}, true}).refused.empty());
    f.turn();
    CHECK(f.take_story() == Story{fmt::format("a: recall {} none", held),
                                  fmt::format("a: revoke {} attr data xattr", free),
                                  "b: free exclusive"});
    f.ask(again, wire::ReturnGrant{held, Grant::none});
    f.turn();
    CHECK(f.take_story().back() == "b: held exclusive");
    CHECK(f.loop.run(opens.join()));
}

TEST_CASE("a session that does not come back after a restart holds nothing when grace is over") {
    Fixture f({.grace = std::chrono::hours(1)});
    Client& a = f.open_session("a");
    const Ino ino = f.create(a, "x");

    f.restart();
    Client& b = f.open_session("b", true);
    Scope opens;
    opens.start(f.note(b.call(wire::Open{ino, Grant::exclusive}), "b: opened", f.story));
    f.turn();
    CHECK(f.take_story().empty());
    REQUIRE(f.loop.run(f.service->end_expired(f.loop.now() + std::chrono::hours(2))));
    f.turn();

    CHECK(f.take_story() == Story{"b: opened exclusive"});
    CHECK(f.loop.run(opens.join()));
}

TEST_CASE("a file that a session has open stays when another unlinks it after a restart") {
    Fixture f({.grace = std::chrono::hours(1)});
    Client& a = f.open_session("a");
    const wire::SessionId session = a.session;
    const Ino ino = f.create(a, "x");
    const std::uint64_t sequence = a.sequence;

    f.restart();
    Client& b = f.open_session("b");
    f.ask(b, wire::Unlink{1, "x", ++f.now});
    f.ask(b, wire::Release{{ino}});

    Client& again = resume(f, "a", session, sequence);
    f.ask(again, wire::Reassert{{ino}, true});
    CHECK(f.ask(again, wire::GetAttr{ino}).attr.nlink == 0);
}

}  // namespace
}  // namespace flexfs::service
