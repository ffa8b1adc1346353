// Removals and renames whose caller stops waiting.
#include "lib/vfs/name_operations.h"

#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {
namespace {

// Starts the call, stops its caller at once, and waits for it to end.
void run_stopped(World& w, Task<void> call) {
    task::StopSource stop;
    Scope caller;
    caller.start(std::move(call), &stop);
    stop.request();
    CHECK(w.code(caller.join()) == 0);
}

}  // namespace

EVERYWHERE("a removal whose caller is stopped is carried out, and releases the inode") {
    for (const bool by_rename : {false, true}) {
        CAPTURE(by_rename);
        World w;
        Peer& a = w.mount();
        const Opened file = w.create(a, "f"), other = w.create(a, "other");
        const Ino ino = file.node.attr.ino;
        if (by_rename) run_stopped(w, a->rename(wire::root_ino, "other", wire::root_ino, "f", 0));
        else run_stopped(w, a->unlink(wire::root_ino, "f"));

        a->release(file.handle);
        a->release(other.handle);
        a->forget(ino);
        w.run(a->statfs());  // statfs sends the release first
        CHECK(w.volume->read(wire::StatFs{})->inodes == 2);
        CHECK(w.code(a->lookup(wire::root_ino, "f")) == (by_rename ? 0 : ENOENT));
    }
}

EVERYWHERE("a removal of a folder whose caller is stopped is carried out") {
    World w;
    Peer& a = w.mount();
    const Ino folder = w.run(a->make(wire::root_ino, "d", S_IFDIR | 0755, 0, {}, Who{})).attr.ino;
    run_stopped(w, a->rmdir(wire::root_ino, "d"));

    CHECK(w.code(a->lookup(wire::root_ino, "d")) == ENOENT);
    a->forget(folder);
    w.run(a->statfs());
    CHECK(w.volume->read(wire::StatFs{})->inodes == 1);
}

}  // namespace flexfs::vfs
