// Tests of what is known about data that is not stored yet, and of waiting until it is.
#include "lib/vfs/storing.h"

#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {
namespace {

using namespace std::chrono_literals;

std::string durability(World& w, Peer& peer, Ino ino) {
    return std::string(w.run(peer->getxattr(ino, std::string(durability_name))).text());
}

Task<void> wait(Loop& loop, Duration span) {
    co_await loop.sleep(span);
}

}  // namespace

EVERYWHERE("a file is in memory until it is stored and its metadata is synced") {
    World w;
    Peer& a = w.mount();
    const Opened small = w.create(a, "small"), large = w.create(a, "large");
    CHECK(durability(w, a, small.node.attr.ino) == "store");
    w.write(a, small.handle, 0, "text");
    w.write(a, large.handle, 0, pattern(200'000));
    CHECK(durability(w, a, small.node.attr.ino) == "memory");
    CHECK(durability(w, a, large.node.attr.ino) == "memory");

    w.run(a->fsync(large.handle));
    CHECK(durability(w, a, large.node.attr.ino) == "store");
    w.run(a->flush_all());
    CHECK(durability(w, a, small.node.attr.ino) == "store");
    w.run(a->lookup(wire::root_ino, "small"));
    CHECK(durability(w, a, small.node.attr.ino) == "store");
    w.run(w.set_size(a, small.node.attr.ino, 2));
    CHECK(durability(w, a, small.node.attr.ino) == "memory");
}

TEST_CASE("durability is an attribute of regular files that is not listed and cannot be set") {
    World w;
    Peer& a = w.mount();
    const Ino ino = w.create(a, "f").node.attr.ino;

    CHECK(w.code(a->getxattr(wire::root_ino, std::string(durability_name))) == ENODATA);
    CHECK(w.run(a->listxattr(ino)).empty());
    CHECK(w.code(a->setxattr(ino, std::string(durability_name), Buffer::copy_of("store"), 0)) ==
          EOPNOTSUPP);
}

TEST_CASE("changes of data are synced soon, although nobody waits for them") {
    World w({.dirty_age = 10ms});
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, pattern(200'000));
    for (int i = 0; i < 200 && durability(w, a, file.node.attr.ino) != "store"; ++i)
        w.run(wait(w.loop, 50ms));

    CHECK(durability(w, a, file.node.attr.ino) == "store");
    CHECK(w.service->counters().syncs > 0);
}

TEST_CASE("everything that was written is stored, and listed until it is") {
    World w;
    Peer& a = w.mount();
    const Opened one = w.create(a, "one"), two = w.create(a, "two");
    w.write(a, one.handle, 0, pattern(200'000));
    w.write(a, two.handle, 0, "text");
    const auto files = a->unstored(10);
    REQUIRE(files.size() == 2);
    CHECK(files[0].path == "/one");
    CHECK(files[0].bytes == 200'000);
    CHECK(files[1].path == "/two");
    CHECK(a->unstored(1).size() == 1);

    CHECK(w.run(a->store_written()).empty());
    CHECK(a->unstored(10).empty());
    CHECK(durability(w, a, one.node.attr.ino) == "store");
    CHECK(durability(w, a, two.node.attr.ino) == "store");
    CHECK(a->state().stored_bytes == 200'004);
}

TEST_CASE("data that cannot be written back is retried until it can") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, pattern(200'000));
    w.store.fail_put = 1;
    w.store.put_code = ENOSPC;

    CHECK(w.run(a->store_written()).empty());
    CHECK(a->state().dirty_files == 0);
    CHECK(w.read_after(a, "f") == pattern(200'000));
}

TEST_CASE("a file that is open without a name delays nothing") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, pattern(200'000));
    w.run(a->unlink(wire::root_ino, "f"));
    w.store.hold = true;

    CHECK(a->unstored(10).empty());
    CHECK(w.run(a->store_written()).empty());
    w.store.let_go();
}

TEST_CASE("data under way has an age, and that of data which is late is counted") {
    World w({.dirty_age = 1ms});
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.store.hold = true;
    w.write(a, file.handle, 0, pattern(200'000));
    w.run(wait(w.loop, 1500ms));
    CHECK(w.store.puts == 1);
    CHECK(a->state().dirty_oldest >= 1400ms);
    CHECK(a->state().dirty_bound == 5s + 1ms);
    CHECK(a->state().dirty_late == 0);
    w.store.let_go();
    w.run(a->flush_all());
    CHECK(a->state().dirty_oldest == 0s);
}

}  // namespace flexfs::vfs
