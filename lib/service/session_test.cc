// Sessions: exactly once, leases, restarts, and what a crash leaves.
#include "lib/service/fixture_test.h"

namespace flexfs::service {
namespace {

// The same request with the same sequence, over a new connection.
template <class R>
Result<typename R::Reply> repeat(Fixture& f, Client& client, std::uint64_t sequence, R request) {
    return f.loop.run(client.handler->handle({sequence, 0}, std::move(request)));
}

Client& resume(Fixture& f, const std::string& name, wire::SessionId session,
               std::uint64_t sequence) {
    Client& client = f.connect(name);
    client.sequence = sequence;
    client.session = f.ask(client, wire::OpenSession{.client = name, .resume = session}).session;
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

    CHECK(code_of(f.call(a, wire::Renew())) == ESTALE);
    CHECK(f.call(b, wire::Renew()));
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

    CHECK(code_of(f.call(b, wire::OpenSession{.client = "b", .resume = session})) == ESTALE);
}

TEST_CASE("a process that replaces its image keeps its session, and what it had open unlinked") {
    Fixture f({.grace = std::chrono::minutes(1)});
    Client& a = f.open_session("a", true);
    const wire::SessionId session = a.session;
    const Ino ino = f.create(a, "x");
    f.ask(a, wire::Unlink{1, "x", ++f.now});

    f.restart();
    Client& again = f.connect("a", true);
    f.ask(again, wire::OpenSession{.client = "a", .resume = session});

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

}  // namespace
}  // namespace flexfs::service
