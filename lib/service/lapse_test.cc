// Sessions that lose their lease, or come back, while something else is under way.
#include "lib/service/fixture_test.h"

namespace flexfs::service {
namespace {

using namespace std::chrono_literals;

Client& resume(Fixture& f, wire::SessionId session) {
    Client& again = f.connect("again");
    again.sequence = 100;
    again.session = f.ask(again, f.resuming("again", session)).session;
    return again;
}

}  // namespace

TEST_CASE("a file that was created when the session's lease ended is not granted to it") {
    Fixture f;
    Client& a = f.open_session("a");
    f.open_session("b", true);
    f.send(a, wire::Make{.parent = 1, .name = "x", .mode = S_IFREG | 0644, .now = 9}, "made");
    REQUIRE(f.loop.run(f.service->end_expired(f.loop.now() + 21s)));
    f.turn();

    CHECK(f.take_story() == Story{"a: made none"});
    const Ino ino = f.volume->read(wire::Lookup{1, "x"})->attr.ino;
    Client& again = resume(f, a.session);
    CHECK(f.ask(again, wire::Reassert{{ino}, true}).refused == std::vector<Ino>{ino});
}

TEST_CASE("after a restart only regular files are granted again, and no more than fit") {
    Fixture f({.grace = 1h, .exclusive_max = 1});
    Client& a = f.open_session("a");
    const wire::SessionId session = a.session;
    const Ino x = f.create(a, "x");
    f.make(a, "folder", S_IFDIR | 0755);
    const Ino y = f.create(a, "y");

    f.restart();
    Client& again = resume(f, session);
    const Ino missing = 9999;
    CHECK(f.ask(again, wire::Reassert{{1, missing, x, y}, true}).refused ==
          std::vector<Ino>{1, missing, y});
}

TEST_CASE("a lapsed session that comes back while another one is ended goes on") {
    Fixture f;
    Client& a = f.open_session("a");
    Client& b = f.open_session("b");
    REQUIRE(f.loop.run(f.service->end_expired(f.loop.now() + 21s)));
    REQUIRE(f.service->counters().sessions == 0);
    Client& again = f.connect("b");
    f.send(again, f.resuming("b", b.session), "resumed");
    REQUIRE(f.loop.run(f.service->end_expired(f.loop.now() + 2h)));
    REQUIRE(f.loop.run(f.scope.join()));

    CHECK(f.take_story() == Story{"b: resumed"});
    CHECK(f.call(again, wire::Renew()));
    CHECK(code_of(f.call(f.connect("a"), f.resuming("a", a.session))) == ESTALE);
}

}  // namespace flexfs::service
