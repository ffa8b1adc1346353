// The conversation with a service whose answers are delayed, and whose connections break, at exact
// moments.
#include "lib/vfs/session.h"

#include <functional>

#include "lib/task/sync.h"
#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {
namespace {

using namespace std::chrono_literals;

// Faults on the way of a client's requests.
struct Faults {
    int break_reasserts = 0;  // the connection ends instead of an answer, this many times
    bool hold_extents = false;
    // Held answers leave right before the answer to the next SetAttr.
    task::Event released;
};

class Faulty final : public rpc::Serving<Faulty, wire::Metadata> {
public:
    Faulty(Loop& loop, Faults& faults, rpc::Pusher<wire::Metadata>& client,
           std::unique_ptr<rpc::Handler<wire::Metadata>> inner)
        : loop_(loop), faults_(faults), client_(client), inner_(std::move(inner)) {}

    bool admitted() const override { return inner_->admitted(); }
    template <class R>
    Task<typename R::Reply> serve(rpc::Context context, R request) {
        return inner_->handle(context, std::move(request));
    }
    Task<wire::Reasserted> serve(rpc::Context context, wire::Reassert request) {
        if (faults_.break_reasserts > 0) {
            --faults_.break_reasserts;
            client_.disconnect("a fault");
            co_return fail(EIO);
        }
        co_return co_await inner_->handle(context, std::move(request));
    }
    Task<wire::ExtentList> serve(rpc::Context context, wire::Extents request) {
        auto reply = co_await inner_->handle(context, std::move(request));
        if (faults_.hold_extents) co_await faults_.released.wait();
        co_return reply;
    }
    Task<wire::Entry> serve(rpc::Context context, wire::SetAttr request) {
        auto reply = co_await inner_->handle(context, std::move(request));
        faults_.released.set();
        if (faults_.hold_extents) co_await loop_.sleep(1ms);
        co_return reply;
    }

private:
    Loop& loop_;
    Faults& faults_;
    rpc::Pusher<wire::Metadata>& client_;
    std::unique_ptr<rpc::Handler<wire::Metadata>> inner_;
};

// A door to the service of a World, at an address of its own.
struct FaultyDoor final : rpc::Service<wire::Metadata> {
    explicit FaultyDoor(World& of) : world(of), server(of.loop, *this) {
        REQUIRE(server.listen("unix:" + world.folder + "/faulty"));
    }
    std::unique_ptr<rpc::Handler<wire::Metadata>> connected(
        rpc::Pusher<wire::Metadata>& client) override {
        return std::make_unique<Faulty>(world.loop, faults, client, world.door->connected(client));
    }
    std::string address() const { return server.addresses()[0]; }

    World& world;
    Faults faults;
    rpc::Server<wire::Metadata> server;
};

struct Listener final : Session::Listener {
    std::vector<Continuity> told;
    void revoked(wire::Revoke) override {}
    void recalled(wire::Recall) override {}
    std::vector<Ino> held() override { return {}; }
    void undone() override {}
    void reconnected(Continuity how, const std::vector<Ino>&) override { told.push_back(how); }
    void lease_ended() override {}
};

}  // namespace

TEST_CASE("a session that had lapsed is told as such, though the connection breaks before that") {
    World w({.transport = Transport::unix_socket});
    FaultyDoor door(w);
    Listener listener;
    Session session(w.loop, false, {}, "v");
    w.run(session.open(
        [&](rpc::Client<wire::Metadata>& client) { return w.connect(client, door.address()); }));
    session.listen(&listener);

    door.faults.break_reasserts = 1;
    w.run(w.service->end_expired(w.loop.now() + 21s));
    const auto wait = [](Loop& loop, const Listener& on) -> Task<void> {
        while (on.told.empty()) co_await loop.sleep(1ms);
    };
    w.run(wait(w.loop, listener));

    CHECK(door.faults.break_reasserts == 0);
    CHECK(listener.told == std::vector{Continuity::lapsed});
    w.run(session.close());
    w.run(door.server.close());
}

TEST_CASE("extents that are learned while a file is truncated do not come back when it grows") {
    World w({.inline_bytes = 0, .transport = Transport::unix_socket});
    FaultyDoor door(w);
    const std::uint64_t size = 20ull * w.setup.block_bytes;
    {
        Peer& first = w.mount();
        const Opened file = w.create(first, "f");
        w.write(first, file.handle, 0, pattern(size));
        w.run(first->fsync(file.handle));
        first->release(file.handle);
        w.unmount(first);
    }
    Peer& a = w.mount_at(door.address());
    const Opened file = w.open(a, "f");
    const std::uint64_t at = 10ull * w.setup.block_bytes;
    const auto read = [](Filesystem& from, HandleId handle, std::uint64_t offset) -> Task<void> {
        co_await result(from.read(handle, offset, 1000));
    };
    door.faults.hold_extents = true;
    Scope both;
    both.start(read(*a.client, file.handle, at));
    both.start(w.set_size(a, file.node.attr.ino, 0));
    w.run(both.join());
    door.faults.hold_extents = false;
    CHECK(door.faults.released.is_set());
    w.run(w.set_size(a, file.node.attr.ino, size));

    CHECK(w.read(a, file.handle, at, 1000) == std::string(1000, '\0'));
    w.unmount(a);
    w.run(door.server.close());
}

}  // namespace flexfs::vfs
