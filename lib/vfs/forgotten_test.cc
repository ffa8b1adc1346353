// Inodes that a client has forgotten, because its memory has room for few.
#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {
namespace {

// A mount whose memory has room for few inodes.
struct Forgetful : World {
    Peer& a = mount();
    Ino folder = make_folder("d");
    Ino others = make_folder("others");
    std::vector<Ino> crowd;

    Forgetful() : World({.memory = 1 << 20, .dirty = 256 << 10}) {
        for (int i = 0; i < 1000; ++i) crowd.push_back(make(others, fmt::format("{}", i)));
    }
    Ino make_folder(const std::string& name) {
        return run(a->make(wire::root_ino, name, S_IFDIR | 0755, 0, {}, Who{})).attr.ino;
    }
    Ino make(Ino parent, const std::string& name) {
        const Opened file = run(a->create(parent, name, 0644, O_RDWR | O_CREAT, Who{}));
        a->release(file.handle);
        return file.node.attr.ino;
    }
    bool knows(Ino ino) { return a->last_known(ino) != nullptr; }
    // Asks for others until the client has no room for the inode.
    void forget(Ino ino) {
        for (const Ino other : crowd) run(a->getattr(other));
        REQUIRE_FALSE(knows(ino));
    }
};

}  // namespace

TEST_CASE("fsync of a folder makes changes durable whose inodes are forgotten") {
    Forgetful w;
    w.make(w.folder, "x");
    w.forget(w.folder);
    const std::uint64_t before = w.service->counters().syncs;
    w.run(w.a->fsyncdir(w.folder));
    CHECK(w.service->counters().syncs == before + 1);
    w.run(w.a->fsyncdir(w.folder));
    CHECK(w.service->counters().syncs == before + 1);
}

TEST_CASE("a listing from before a change has no old attributes, even of a forgotten inode") {
    for (const bool of_data : {false, true}) {
        CAPTURE(of_data);
        Forgetful w;
        const Ino ino = w.make(w.folder, "x");
        const HandleId list = w.run(w.a->opendir(w.folder)).handle;
        const auto first = w.run(w.a->readdir(list, 0, true));
        REQUIRE(first.size() == 3);

        if (of_data) {
            const Opened file = w.run(w.a->open(ino, O_RDWR));
            w.write(w.a, file.handle, 0, "four");
            w.run(w.a->fsync(file.handle));
            w.a->release(file.handle);
        } else {
            w.run(w.a->setattr(ino, wire::set_mode, {.mode = 0600}, Who{}));
        }
        w.forget(ino);
        const auto again = w.run(w.a->readdir(list, first[1].cookie, true));
        REQUIRE(again.size() == 1);
        CHECK(again[0].node.attr.size == (of_data ? 4 : 0));
        CHECK((again[0].node.attr.mode & 07777) == (of_data ? 0644 : 0600));
    }
}

TEST_CASE("the kernel keeps no pages of a forgotten inode from before it was to drop everything") {
    Forgetful w;
    const Ino ino = w.make(w.folder, "x");
    const auto keeps_pages = [&] {
        const Opened file = w.run(w.a->open(ino, O_RDONLY));
        w.a->release(file.handle);
        return file.keep_cache;
    };
    CHECK(keeps_pages());
    w.forget(ino);
    CHECK(keeps_pages());
    w.forget(ino);
    w.a.dropped.walk();
    CHECK_FALSE(keeps_pages());
    CHECK(keeps_pages());
}

}  // namespace flexfs::vfs
