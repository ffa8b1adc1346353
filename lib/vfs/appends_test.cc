// Data that is appended (O_APPEND) while the client loses its grant, or never learns whether a
// commit was executed.
#include "lib/base/durable.h"
#include "lib/base/format.h"
#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {
namespace {

using namespace std::chrono_literals;

constexpr int append_flags = O_RDWR | O_CREAT | O_APPEND;

std::string record(char who, int number, std::size_t size) {
    std::string text = fmt::format("{}{:04}", who, number);
    return text + std::string(size - text.size(), '.');
}

// A client `a` that is cut off from the server, and a client `b` that is not.
struct Apart : World {
    explicit Apart(Setup setup) : World(with_network(setup)), a(mount()) {
        REQUIRE(server->listen("unix:" + folder + "/aside"));
    }
    static Setup with_network(Setup setup) {
        setup.transport = Transport::tcp;
        setup.lease = 150ms;
        return setup;
    }
    void cut() {
        relay->lead_to({});
        relay->cut_all();
    }
    void mend() { relay->lead_to(server->addresses()[0]); }
    Result<std::size_t> append(Peer& peer, HandleId handle, const std::string& text) {
        return loop.run(peer->write(handle, 0, Buffer::copy_of(text), false, false));
    }
    std::string append_records(Peer& peer, HandleId handle, char who, int count, std::size_t size) {
        std::string all;
        for (int i = 0; i < count; ++i) {
            const std::string text = record(who, i, size);
            REQUIRE(append(peer, handle, text) == text.size());
            all += text;
        }
        return all;
    }
    // Another client opens the file, once the lease of `a` has ended, and appends to it.
    std::string append_elsewhere(const Opened& file, int count, std::size_t size) {
        Peer& b = mount_at(server->addresses()[1]);
        const auto opened = loop.run(b->open(file.node.attr.ino, O_RDWR | O_APPEND));
        REQUIRE(opened);
        const std::string all = append_records(b, opened->handle, 'b', count, size);
        REQUIRE(loop.run(b->fsync(opened->handle)));
        return all;
    }
    std::string all_of(const std::string& name) {
        Peer& reader = mount();
        const std::string text = read(reader, open(reader, name, O_RDONLY).handle);
        CHECK(text.size() == size(reader, name));
        return text;
    }

    Peer& a;
};

struct Background {
    Scope scope;
    Result<void> outcome;
    void start(Task<void> task) { scope.start(keep(std::move(task), outcome)); }
    static Task<void> keep(Task<void> task, Result<void>& into) {
        into = co_await result(std::move(task));
    }
};

struct FailingSyncs final : SyncProbe {
    FailingSyncs() { install_sync_probe(this); }
    ~FailingSyncs() override { install_sync_probe(nullptr); }
    int sync(const std::string& path) override { return path.contains("meta.db") ? EIO : 0; }
};

}  // namespace

TEST_CASE(
    "data appended before the lease was lost goes behind what another client appended since") {
    for (const std::uint32_t inline_bytes : {0, 8 << 10})
        for (const std::size_t size : {40, 3000, 100'000})
            for (const bool stored : {false, true}) {
                CAPTURE(inline_bytes);
                CAPTURE(size);
                CAPTURE(stored);
                Apart w({.inline_bytes = inline_bytes});
                const Opened file = w.create(w.a, "f", append_flags);
                std::string expected;
                if (stored) {
                    expected = w.append_records(w.a, file.handle, 'x', 2, size);
                    w.run(w.a->fsync(file.handle));
                }
                const std::string of_a = w.append_records(w.a, file.handle, 'a', 5, size);
                w.cut();
                expected += w.append_elsewhere(file, 3, size);
                w.mend();
                w.run(w.a->fsync(file.handle));

                CHECK(w.all_of("f") == expected + of_a);
                CHECK(w.read(w.a, file.handle) == expected + of_a);
                CHECK(w.size(w.a, "f") == expected.size() + of_a.size());
            }
}

TEST_CASE("appended data whose segment was stored when the lease ended goes to the new end, too") {
    for (const std::size_t size : {700, 100'000}) {
        CAPTURE(size);
        Apart w({.inline_bytes = 0, .dirty = 2 << 20});
        const Opened file = w.create(w.a, "f", append_flags);
        w.store.hold = true;
        // With the larger records several flights begin before the fsync.
        const std::string of_a = w.append_records(w.a, file.handle, 'a', 15, size);
        Background fsync;
        fsync.start(w.a->fsync(file.handle));
        REQUIRE(w.loop.run(w.loop.sleep(5ms)));
        w.cut();
        w.store.let_go();
        const std::string of_b = w.append_elsewhere(file, 3, size);
        w.mend();
        w.run(fsync.scope.join());

        CHECK(fsync.outcome);
        CHECK(w.all_of("f") == of_b + of_a);
    }
}

TEST_CASE("the next holder of a grant does not append over what its earlier holder stores late") {
    for (const std::uint32_t inline_bytes : {0, 8 << 10}) {
        CAPTURE(inline_bytes);
        Apart w({.inline_bytes = inline_bytes});
        const Opened file = w.create(w.a, "f", append_flags);
        const Opened other = w.create(w.a, "other");
        w.write(w.a, other.handle, 0, pattern(50'000));
        const std::string of_a = w.append_records(w.a, file.handle, 'a', 2, 50);
        w.store.hold = true;
        Background all;
        all.start(w.a->flush_all());
        REQUIRE(w.loop.run(w.loop.sleep(5ms)));
        w.cut();
        w.store.let_go();
        Peer& b = w.mount_at(w.server->addresses()[1]);
        const auto opened = w.loop.run(b->open(file.node.attr.ino, O_RDWR | O_APPEND));
        REQUIRE(opened);
        const std::string of_b = w.append_records(b, opened->handle, 'b', 2, 50);
        w.mend();
        w.run(all.scope.join());
        w.run(b->fsync(opened->handle));

        CHECK(all.outcome);
        const std::string text = w.all_of("f");
        CHECK((text == of_a + of_b || text == of_b + of_a));
    }
}

TEST_CASE("own changes of the size leave unsent appends where they are") {
    for (const std::uint32_t inline_bytes : {0, 8 << 10})
        for (const int change : {0, 1, 2, 3}) {
            CAPTURE(inline_bytes);
            CAPTURE(change);
            World w({.inline_bytes = inline_bytes});
            Peer& a = w.mount();
            const Opened file = w.create(a, "f", append_flags);
            const Opened other = w.create(a, "other");
            w.write(a, other.handle, 0, pattern(50'000));
            w.write(a, file.handle, 0, pattern(200));
            w.store.hold = true;
            Background all;  // the commit waits for the data of the other file
            all.start(a->flush_all());
            REQUIRE(w.loop.run(w.loop.sleep(5ms)));
            Background changing;
            std::string expected = pattern(200);
            if (change == 0) {
                changing.start(w.set_size(a, file.node.attr.ino, 20'000));
                expected.resize(20'000, '\0');
            } else if (change == 1) {
                changing.start(w.set_size(a, file.node.attr.ino, 50));
                expected.resize(50);
            } else if (change == 2) {
                changing.start(a->allocate(file.handle, 0, 0, 20'000, false));
                expected.resize(20'000, '\0');
            } else {
                changing.start(a->allocate(file.handle, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                           10, 20, false));
                std::ranges::fill(expected.begin() + 10, expected.begin() + 30, '\0');
            }
            REQUIRE(w.loop.run(w.loop.sleep(5ms)));
            w.store.let_go();
            w.run(changing.scope.join());
            w.run(all.scope.join());
            w.write(a, file.handle, 0, "end");

            CHECK(changing.outcome);
            CHECK(w.read(a, file.handle) == expected + "end");
            w.run(a->fsync(file.handle));
            CHECK(w.read_after(a, "f") == expected + "end");
        }
}

TEST_CASE("appends that follow the return of the grant stay behind those of before it was lost") {
    for (const std::uint32_t inline_bytes : {0, 8 << 10}) {
        CAPTURE(inline_bytes);
        Apart w({.inline_bytes = inline_bytes});
        const Opened file = w.create(w.a, "f", append_flags);
        std::string of_a = w.append_records(w.a, file.handle, 'a', 3, 50);
        w.cut();
        const std::string of_b = w.append_elsewhere(file, 3, 50);
        w.mend();
        for (int i = 3; i < 6; ++i) {
            of_a += record('a', i, 50);
            REQUIRE(w.append(w.a, file.handle, record('a', i, 50)));
        }
        CHECK(w.read(w.a, file.handle) == of_b + of_a);
        w.run(w.a->fsync(file.handle));

        CHECK(w.all_of("f") == of_b + of_a);
    }
}

TEST_CASE("a write at an offset that follows a lost grant changes no appended bytes") {
    Apart w({.inline_bytes = 0});
    const Opened file = w.create(w.a, "f", append_flags);
    const Opened at_offset = w.open(w.a, "f");
    w.append_records(w.a, file.handle, 'a', 2, 50);
    w.cut();
    w.append_elsewhere(file, 2, 50);
    w.mend();
    w.write(w.a, at_offset.handle, 0, record('c', 0, 50));
    w.run(w.a->fsync(file.handle));

    CHECK(w.all_of("f") ==
          record('c', 0, 50) + record('b', 1, 50) + record('a', 0, 50) + record('a', 1, 50));
}

TEST_CASE("a small file takes an append and a write beyond its end at the same time") {
    World w;
    w.create(w.mount(), "f");
    Peer &a = w.mount(), &b = w.mount();
    const HandleId at_a = w.open(a, "f").handle;
    const HandleId appends = w.open(a, "f", O_RDWR | O_APPEND).handle;
    const HandleId at_b = w.open(b, "f").handle;
    for (std::uint64_t i = 0; i < 4; ++i) {  // the file is contested
        w.write(a, at_a, 20 * i, "aaaaaaaaaa");
        w.write(b, at_b, 20 * i + 10, "bbbbbbbbbb");
    }
    const auto put = [](Peer& peer, HandleId handle, std::uint64_t offset,
                        std::string text) -> Task<void> {
        co_await peer->write(handle, offset, Buffer::copy_of(text), false, false);
    };
    Scope both;
    both.start(put(a, at_a, 100, "at 100"));
    both.start(put(a, appends, 0, "appended"));
    w.run(both.join());

    Peer& reader = w.mount();
    const std::string text = w.read(reader, w.open(reader, "f", O_RDONLY).handle);
    CHECK(text.substr(100, 6) == "at 100");
    CHECK(text.contains("appended"));
}

TEST_CASE("an append whose commit was executed but not synced is EIO and is not stored twice") {
    for (const std::uint32_t inline_bytes : {0, 8 << 10})
        for (const bool contested : {false, true}) {
            CAPTURE(inline_bytes);
            CAPTURE(contested);
            World w({.inline_bytes = inline_bytes, .sync_always = true});
            const Opened file = w.create(w.mount(), "f", append_flags);
            Peer &a = w.mount(), &b = w.mount();
            const HandleId at_a = w.open(a, "f", O_RDWR | O_APPEND).handle;
            const HandleId at_b = w.open(b, "f", O_RDWR | O_APPEND).handle;
            std::string expected;
            for (int i = 0; i < 6; ++i) {
                w.write(a, at_a, 0, record('a', i, 50));
                w.write(b, at_b, 0, record('b', i, 50));
                expected += record('a', i, 50) + record('b', i, 50);
                if (!contested) break;
            }
            w.run(b->fsync(at_b));
            w.write(a, at_a, 0, record('a', 8, 50));  // `a` has the grant unless it is contested
            expected += record('a', 8, 50);
            {
                const FailingSyncs disk;
                const std::string last = record('a', 9, 50);
                static_cast<void>(
                    w.loop.run(a->write(at_a, 0, Buffer::copy_of(last), false, false)));
                CHECK(w.code(a->fsync(at_a)) == EIO);
                static_cast<void>(w.code(a->fsync(at_a)));
                static_cast<void>(w.code(a->flush_all()));
            }
            expected += record('a', 9, 50);
            CHECK(w.volume->read(wire::GetAttr{file.node.attr.ino})->attr.size == expected.size());
            // Otherwise the service waits for the holder of the grant, which cannot store its data.
            if (contested) CHECK(w.read(b, at_b) == expected);
        }
}

}  // namespace flexfs::vfs
