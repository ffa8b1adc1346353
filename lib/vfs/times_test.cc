// Access times: which accesses change them, and when they are sent to the service.
#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {
namespace {

Attr stat(World& w, Peer& peer, Ino ino) {
    return w.run(peer->getattr(ino)).attr;
}
void set_times(World& w, Peer& peer, Ino ino, Time atime, Time mtime) {
    Attr attr;
    attr.atime = atime;
    attr.mtime = mtime;
    w.run(peer->setattr(ino, wire::set_atime | wire::set_mtime | wire::set_ctime, attr, Who{}));
}

}  // namespace

TEST_CASE("opening a file to read it counts as its access, once after a change") {
    World w;
    Peer& a = w.mount();
    const Ino ino = w.create(a, "f").node.attr.ino;
    CHECK(!w.open(a, "f", O_RDONLY).accessed);  // the file has no data
    w.write(a, w.open(a, "f").handle, 0, "text");
    const Time before = stat(w, a, ino).atime;

    CHECK(!w.open(a, "f", O_RDONLY | O_NOATIME).accessed);
    CHECK(w.open(a, "f", O_RDONLY).accessed);
    CHECK(stat(w, a, ino).atime > before);
    CHECK(!w.open(a, "f", O_RDONLY).accessed);
    w.write(a, w.open(a, "f").handle, 0, "more");
    CHECK(w.open(a, "f", O_RDONLY).accessed);
}

TEST_CASE("an access time that is set holds, also against an access told later") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    const Ino ino = file.node.attr.ino;
    w.write(a, file.handle, 0, "text");
    w.read(a, file.handle);
    set_times(w, a, ino, 5000, 4000);
    CHECK(stat(w, a, ino).atime == 5000);

    w.unmount(a);
    Peer& b = w.mount();
    CHECK(stat(w, b, ino).atime == 5000);
}

TEST_CASE("a modification time that is set while a write is sent is not undone by it") {
    for (const std::size_t bytes : {4, 300'000}) {
        World w;
        Peer& a = w.mount();
        const Opened file = w.create(a, "f");
        const Ino ino = file.node.attr.ino;
        w.write(a, file.handle, 0, pattern(bytes));
        Attr attr;
        attr.mtime = 4000;
        auto set = a->setattr(ino, wire::set_mtime, attr, Who{});
        set.start();
        w.run(a->fsync(file.handle));
        CHECK(stat(w, a, ino).mtime == 4000);
        w.unmount(a);
        CHECK(stat(w, w.mount(), ino).mtime == 4000);
    }
}

TEST_CASE("an access replaces an access time in the future") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    const Ino ino = file.node.attr.ino;
    w.write(a, file.handle, 0, "text");
    const Time future = wall_now() + 1'000'000'000'000'000;
    set_times(w, a, ino, future, future);

    w.read(a, file.handle);
    CHECK(stat(w, a, ino).atime < future);
}

TEST_CASE("folders and symlinks are accessed by listing and reading them") {
    World w;
    Peer& a = w.mount();
    const Ino folder = w.run(a->make(wire::root_ino, "d", S_IFDIR | 0755, 0, {}, Who{})).attr.ino;
    const Ino link = w.run(a->make(wire::root_ino, "l", S_IFLNK | 0777, 0, "to", Who{})).attr.ino;
    set_times(w, a, folder, 1, 1);
    set_times(w, a, link, 1, 1);

    const HandleId handle = w.run(a->opendir(folder)).handle;
    w.run(a->readdir(handle, 0, false));
    a->releasedir(handle);
    CHECK(w.run(a->readlink(link)) == "to");
    const Time listed = stat(w, a, folder).atime, read = stat(w, a, link).atime;
    CHECK(listed > 1);
    CHECK(read > 1);
    w.unmount(a);
    Peer& b = w.mount();
    CHECK(stat(w, b, folder).atime == listed);
    CHECK(stat(w, b, link).atime == read);
}

TEST_CASE("a mount that runs can be told when access times move") {
    World w;
    Peer& a = w.mount();
    const Ino ino = w.create(a, "f").node.attr.ino;
    w.write(a, w.open(a, "f").handle, 0, "text");

    a->set_access_times(AccessTimes::never, true);
    CHECK(!w.open(a, "f", O_RDONLY).accessed);
    a->set_access_times(AccessTimes::always, true);
    CHECK(w.open(a, "f", O_RDONLY).accessed);
    CHECK(w.open(a, "f", O_RDONLY).accessed);
    CHECK(stat(w, a, ino).atime > 0);
}

TEST_CASE("a file with the noatime flag is not accessed") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, "text");
    w.run(a->setattr(file.node.attr.ino, wire::set_flags, {.flags = wire::flag_noatime}, Who{}));
    const Time before = stat(w, a, file.node.attr.ino).atime;

    w.read(a, file.handle);
    CHECK(!w.open(a, "f", O_RDONLY).accessed);
    CHECK(stat(w, a, file.node.attr.ino).atime == before);
}

}  // namespace flexfs::vfs
