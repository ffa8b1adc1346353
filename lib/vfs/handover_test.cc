// Tests a client that takes over from another, as in a process that replaces its own image.
#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {
namespace {

// Mounts another client in the place of `from`, which ends without closing its session.
Peer& successor(World& w, Peer& from) {
    w.run(from->flush_all());
    return w.mount(from->hand_over());
}

TEST_CASE("open files and folders keep their handles in the next image") {
    World w;
    Peer& a = w.mount();
    const std::string text = pattern(700'000);
    const Opened large = w.create(a, "large");
    w.write(a, large.handle, 0, text);
    const Opened log = w.create(a, "log", O_WRONLY | O_APPEND | O_CREAT);
    w.write(a, log.handle, 0, "one ");
    const HandleId folder = w.run(a->opendir(wire::root_ino, Who{})).handle;
    const auto listed = w.run(a->readdir(folder, 0, false));

    Peer& b = successor(w, a);

    CHECK(w.read(b, large.handle) == text);
    w.write(b, large.handle, 3, "new");
    CHECK(w.read(b, large.handle, 0, 8) == text.substr(0, 3) + "new" + text.substr(6, 2));
    w.write(b, log.handle, 0, "two");
    CHECK(w.read(b, w.open(b, "log", O_RDONLY).handle) == "one two");
    CHECK(w.code(b->read(log.handle, 0, 1)) == EBADF);
    CHECK(w.run(b->readdir(folder, listed[2].cookie, false)).front().name == listed[3].name);
    CHECK(w.open(b, "log").handle > folder);
    b->releasedir(folder);
    b->release(large.handle);
    CHECK(w.code(b->flush(large.handle)) == EBADF);
    w.unmount(b);
}

TEST_CASE("an unlinked file survives in the next image until its last user closes it") {
    World w;
    Peer& a = w.mount();
    const Opened open = w.create(a, "open");
    const Opened known = w.create(a, "known");
    w.write(a, open.handle, 0, "kept");
    w.run(a->unlink(wire::root_ino, "open", Who{}));
    w.run(a->unlink(wire::root_ino, "known", Who{}));
    a->release(known.handle);

    Peer& b = successor(w, a);

    CHECK(w.read(b, open.handle) == "kept");
    w.write(b, open.handle, 4, " on");
    CHECK(w.read(b, open.handle) == "kept on");
    CHECK(w.run(b->getattr(known.node.attr.ino)).attr.nlink == 0);
    b->forget(known.node.attr.ino);
    b->release(open.handle);
    b->forget(open.node.attr.ino);
    CHECK(b->hand_over().orphans.empty());
    CHECK(b->hand_over().released.size() == 2);
    w.unmount(b);
    w.upkeep();
    CHECK(w.volume->read(wire::StatFs{})->inodes == 1);
}

TEST_CASE("inodes whose release the service has not been sent are handed over, too") {
    World w;
    Peer& a = w.mount();
    const Opened gone = w.create(a, "gone");
    w.run(a->unlink(wire::root_ino, "gone", Who{}));
    a->release(gone.handle);
    a->forget(gone.node.attr.ino);

    const HandedOver left = a->hand_over();

    CHECK(left.released == std::vector<Ino>{gone.node.attr.ino});
    CHECK(left.orphans.empty());
    Peer& b = w.mount(left);
    CHECK(b->hand_over().released == left.released);
    w.unmount(b);
    CHECK(w.volume->read(wire::StatFs{})->inodes == 1);
}

TEST_CASE("a write-back error that one handle has reported is reported once by the other handle") {
    World w({.inline_bytes = 0});
    Peer& a = w.mount();
    const Opened one = w.create(a, "f");
    const Opened other = w.open(a, "f");
    w.write(a, one.handle, 0, pattern(1000));
    w.store.fail_put = 1;
    CHECK(w.code(a->fsync(one.handle)) == EIO);

    Peer& b = successor(w, a);

    CHECK(w.code(b->flush(one.handle)) == 0);
    CHECK(w.code(b->flush(other.handle)) == EIO);
    CHECK(w.code(b->flush(other.handle)) == 0);
    CHECK(w.read(b, one.handle) == pattern(1000));
    w.unmount(b);
}

TEST_CASE("the access times of all reads are stored before the next image starts") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, "x");
    w.read(a, file.handle);
    const Time told = w.run(a->getattr(file.node.attr.ino)).attr.atime;

    Peer& b = successor(w, a);

    CHECK(w.run(b->getattr(file.node.attr.ino)).attr.atime == told);
    w.unmount(b);
}

TEST_CASE("a session that has ended cannot be taken over") {
    World w;
    Peer& a = w.mount();
    HandedOver left = a->hand_over();
    left.session += 7;
    cache::Budget budget(64 << 20, 16 << 20);
    const Connect connect = [&](rpc::Client<wire::Metadata>& client) {
        return std::make_unique<rpc::Caller<wire::Metadata>>(*w.service, client);
    };

    CHECK(w.code(Filesystem::open(w.loop, connect, w.store, budget, {}, nullptr, left)) == ESTALE);
}

}  // namespace
}  // namespace flexfs::vfs
