// A client whose server cannot be reached, comes back, or comes back without the client's session.
#include "lib/vfs/fixture_test.h"
#include "lib/vfs/session.h"

namespace flexfs::vfs {
namespace {

using namespace std::chrono_literals;

Setup remote(Duration lease) {
    return {.transport = Transport::tcp, .lease = lease};
}

// Cuts the network between the clients and the server.
void cut(World& w) {
    w.relay->lead_to({});
    w.relay->cut_all();
}
void mend(World& w) {
    w.relay->lead_to(w.server->addresses()[0]);
}

template <class Condition>
void until(World& w, Condition condition) {
    const auto wait = [](Loop& loop, Condition holds) -> Task<void> {
        while (!holds()) co_await loop.sleep(1ms);
    };
    REQUIRE(w.loop.run(wait(w.loop, condition)));
}

struct Asked {
    bool done = false;
    int code = 0;
    std::uint64_t size = 0;
};
Task<void> ask(Filesystem& from, Ino ino, Asked& asked) {
    const auto known = co_await result(from.getattr(ino));
    asked = {true, code_of(known), known ? known->attr.size : 0};
}

// The state of the server's disk, for a power cut: what is written after this was not synced.
class Disk {
public:
    explicit Disk(const World& w) : folder_(w.folder), copy_(w.folder + "/disk") {
        copy(folder_, copy_);
    }
    void restore() const { copy(copy_, folder_); }

private:
    static void copy(const std::string& from, const std::string& to) {
        std::filesystem::create_directories(to);
        const auto each = [](const std::string& folder, auto&& use) {
            std::vector<std::filesystem::path> files;
            for (const auto& file : std::filesystem::directory_iterator(folder))
                if (file.path().filename().string().starts_with("meta.db")) files.push_back(file);
            for (const auto& file : files) use(file);
        };
        each(to, [](const auto& file) { std::filesystem::remove(file); });
        each(from, [&](const auto& file) {
            std::filesystem::copy_file(file, std::filesystem::path(to) / file.filename());
        });
    }

    std::string folder_, copy_;
};

Task<void> keep(Task<void> task, Result<void>& outcome) {
    outcome = co_await result(std::move(task));
}

}  // namespace

TEST_CASE("a client cut off from its server answers until its lease ends, then waits for it") {
    World w(remote(1500ms));
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, "text");
    const Ino ino = file.node.attr.ino;
    cut(w);
    a.dropped = {};

    CHECK(w.loop.run(a->getattr(ino))->attr.size == 4);
    CHECK(w.loop.run(a->read(file.handle, 0, 10)));
    CHECK(a->reliable_for() > Duration::zero());
    CHECK(a->reliable_for() <= 1500ms);
    until(w, [&] { return !a.dropped.attributes.empty(); });
    CHECK(std::ranges::count(a.dropped.entries, "f") > 0);
    CHECK(std::ranges::count(a.dropped.data, ino) > 0);
    CHECK(a->reliable_for() == Duration::zero());
    Scope scope;
    Asked asked;
    scope.start(ask(*a.client, ino, asked));
    REQUIRE(w.loop.run(w.loop.sleep(5ms)));
    CHECK_FALSE(asked.done);
    mend(w);
    w.run(scope.join());

    CHECK(asked.code == 0);
    CHECK(asked.size == 4);
    CHECK(w.read(a, file.handle) == "text");
}

TEST_CASE("data written before the lease was lost is sent on return, and overwrites nothing") {
    World w(remote(200ms));
    Peer &a = w.mount(), &b = w.mount();
    const Opened file = w.create(a, "f");
    const Opened other = w.open(b, "f");
    w.write(a, file.handle, 0, pattern(100'000));
    REQUIRE(w.server->listen("unix:" + w.folder + "/aside"));
    Peer& c = w.mount_at(w.server->addresses()[1]);
    cut(w);

    const auto third = w.loop.run(c->open(file.node.attr.ino, O_RDWR));
    REQUIRE(third);
    REQUIRE(w.loop.run(c->write(third->handle, 200'000, Buffer::copy_of("c"), false, false)));
    mend(w);
    w.run(a->fsync(file.handle));

    const std::string expected = pattern(100'000) + std::string(100'000, '\0') + "c";
    CHECK(w.read(b, other.handle) == expected);
    CHECK(w.read(a, file.handle) == expected);
    CHECK(a->state().dirty_bytes == 0);
}

TEST_CASE("a session that has ended is replaced, and what was never sent is stored") {
    Setup setup = remote(200ms);
    setup.linger = Duration::zero();
    World w(setup);
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, pattern(300'000));
    cut(w);
    until(w, [&] { return w.service->counters().sessions == 0; });
    mend(w);

    w.run(a->fsync(file.handle));

    CHECK(w.read(a, file.handle) == pattern(300'000));
    Peer& b = w.mount();
    CHECK(w.read(b, w.open(b, "f").handle) == pattern(300'000));
}

TEST_CASE("after a restart of the server its clients hold what they held") {
    World w(remote(20s));
    Peer &a = w.mount(), &b = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, "unsent");
    w.run(b->getattr(wire::root_ino));

    w.kill_server();
    w.start();

    CHECK(w.size(b, "f") == 6);
    CHECK(w.read(b, w.open(b, "f", O_RDONLY).handle) == "unsent");
    w.write(a, file.handle, 6, " and more");
    CHECK(w.read(a, file.handle) == "unsent and more");
}

TEST_CASE("a file that is open when the server restarts is usable after another unlinked it") {
    World w(remote(20s));
    Peer &a = w.mount(), &b = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, "kept");

    w.kill_server();
    w.start();
    w.run(b->unlink(wire::root_ino, "f"));

    CHECK(w.read(a, file.handle) == "kept");
    w.write(a, file.handle, 4, " on");
    CHECK(w.read(a, file.handle) == "kept on");
}

TEST_CASE("the next image of a process takes no sequence that its session has used") {
    World w(remote(20s));
    HandedOver left;
    const auto reach = [&](rpc::Client<wire::Metadata>& client) { return w.connect(client); };
    const auto make = [](const char* name) {
        return wire::Make{.parent = 1, .name = name, .mode = S_IFREG | 0644, .now = 9};
    };
    {
        Session first(w.loop, false, {}, "v");
        w.run(first.open(reach));
        for (const char* name : {"a", "b", "c"}) w.run(first.call(make(name)));
        first.hand_over(left);
        w.run(first.abandon());
    }
    Session next(w.loop, false, {}, "v");
    w.run(next.open(reach, &left));

    for (const char* name : {"d", "e", "f"}) w.run(next.call(make(name)));
    CHECK(next.id() == left.session);
    for (const char* name : {"a", "b", "c", "d", "e", "f"})
        CHECK(w.volume->read(wire::Lookup{1, name}));
    w.run(next.close());
}

TEST_CASE(
    "a change that a power cut of the server has undone is an error of fsync, and is not shown") {
    for (const std::size_t size : {100, 100'000})
        for (const bool truncates : {false, true}) {
            CAPTURE(size);
            CAPTURE(truncates);
            World w(remote(20s));
            Peer &a = w.mount(), &b = w.mount();
            const Opened file = w.create(a, "f"), other = w.create(a, "other");
            w.write(a, file.handle, 0, pattern(size));
            w.write(a, other.handle, 0, pattern(size, 1));
            w.run(a->fsync(file.handle));
            w.run(a->fsync(other.handle));
            const Disk disk(w);
            w.write(a, file.handle, size / 2, pattern(size, 2));
            CHECK(w.size(b, "f") == size / 2 + size);  // it is committed, and not synced
            if (truncates) w.run(w.set_size(a, other.node.attr.ino, size / 2));
            else CHECK(w.read(b, w.open(b, "other", O_RDONLY).handle) == pattern(size, 1));
            w.kill_server();
            disk.restore();
            w.start();

            CHECK(w.code(a->fsync(file.handle)) == EIO);
            CHECK(w.code(a->fsync(file.handle)) == 0);
            CHECK(w.code(a->flush(other.handle)) == (truncates ? EIO : 0));
            CHECK(w.code(a->fsync(other.handle)) == 0);
            CHECK(w.read(a, file.handle) == pattern(size));
            CHECK(w.size(a, "f") == size);
            CHECK(w.read(a, other.handle) == pattern(size, 1));
            w.write(a, file.handle, size, "more");
            w.run(a->fsync(file.handle));
            CHECK(w.read(b, w.open(b, "f", O_RDONLY).handle) == pattern(size) + "more");
        }
}

TEST_CASE("a power cut that undoes nothing that was answered is no error") {
    World w(remote(20s));
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, "stored");
    w.run(a->fsync(file.handle));
    w.write(a, file.handle, 6, ", unsent");
    const Disk disk(w);
    w.kill_server();
    disk.restore();
    w.start();

    w.run(a->fsync(file.handle));
    CHECK(w.read(a, file.handle) == "stored, unsent");
}

TEST_CASE("access times whose sending failed are sent the next time") {
    Setup setup = remote(150ms);
    setup.linger = Duration::zero();
    World w(setup);
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    const Ino ino = file.node.attr.ino;
    w.write(a, file.handle, 0, "text");
    w.run(a->fsync(file.handle));
    w.read(a, file.handle);
    const Time accessed = w.run(a->getattr(ino)).attr.atime;
    Scope scope;
    Result<void> outcome;
    scope.start(keep(a->flush_all(), outcome));
    cut(w);  // the request is lost together with its session, so its outcome is unknown
    until(w, [&] { return w.service->counters().sessions == 0; });
    mend(w);
    w.run(scope.join());

    CHECK(code_of(outcome) == EIO);
    CHECK(w.volume->read(wire::GetAttr{ino})->attr.atime < accessed);
    w.run(a->flush_all());
    CHECK(w.volume->read(wire::GetAttr{ino})->attr.atime == accessed);
}

}  // namespace flexfs::vfs
