// A volume with limits: the write itself is refused if the data does not fit, and accepted data
// stays.
#include "lib/vfs/quota.h"

#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {
namespace {

constexpr std::uint64_t limit = 4 * (256 << 10);

struct Limited : World {
    Peer* peer = nullptr;

    Limited() : World({.max_blocks = 4}) { peer = &mount(); }

    Opened file(const std::string& name) { return create(*peer, name); }
    // Returns how many bytes were written, or minus the errno.
    std::int64_t put(HandleId handle, std::uint64_t offset, std::size_t bytes) {
        const std::string text = noise(bytes, offset + bytes);
        const auto taken =
            loop.run((*peer)->write(handle, offset, Buffer::copy_of(text), false, false));
        return taken ? std::int64_t(*taken) : -taken.error().code;
    }
    std::uint64_t free_bytes() { return run((*peer)->statfs()).free_bytes; }
    void remove(const std::string& name, const Opened& file) {
        run((*peer)->unlink(wire::root_ino, name));
        (*peer)->release(file.handle);
        (*peer)->forget(file.node.attr.ino);
    }
};

}  // namespace

TEST_CASE("a full volume takes what fits of a write and refuses the next with ENOSPC") {
    Limited w;
    const Opened f = w.file("f");

    CHECK(w.put(f.handle, 0, 300'000) == 300'000);
    CHECK(w.put(f.handle, 300'000, 1'000'000) == std::int64_t(limit) - 300'000);
    CHECK(w.put(f.handle, limit, 1) == -ENOSPC);
    CHECK(w.free_bytes() == 0);
    w.run((*w.peer)->fsync(f.handle));
    CHECK(w.size(*w.peer, "f") == limit);
    CHECK(w.volume->read(wire::StatFs{}).value().used_bytes == limit);
}

TEST_CASE("writes into reserved space fit in a full volume") {
    for (const bool again : {false, true}) {
        CAPTURE(again);
        Limited w;
        const Opened f = w.file("f"), g = w.file("g");
        REQUIRE(w.put(f.handle, 0, 1000) == 1000);
        w.run((*w.peer)->allocate(f.handle, FALLOC_FL_KEEP_SIZE, 5000, limit / 2, false));
        CHECK(w.free_bytes() == limit - 1000 - limit / 2 - 4096);
        const std::int64_t rest = std::int64_t(w.free_bytes());
        CHECK(w.put(g.handle, 0, limit) == rest);
        CHECK(w.free_bytes() == 0);
        CHECK(w.put(g.handle, limit, 1) == -ENOSPC);
        if (again) {
            w.run((*w.peer)->flush_all());
            w.unmount(*w.peer);
            w.peer = &w.mount();
        }
        const Opened file = again ? w.open(*w.peer, "f") : f;
        CHECK(w.put(file.handle, 5000, limit / 2) == std::int64_t(limit / 2));
        CHECK(w.put(file.handle, 4095, 1) == -ENOSPC);
        w.run((*w.peer)->flush_all());
        CHECK(w.volume->read(wire::StatFs{}).value().used_bytes == limit);
    }
}

TEST_CASE("room for which there is none is refused, and what writes were promised is not given") {
    Limited w;
    const Opened f = w.file("f"), g = w.file("g");
    const auto allocate = [&](const Opened& file, std::uint64_t offset, std::uint64_t length) {
        return w.code((*w.peer)->allocate(file.handle, 0, offset, length, false));
    };
    REQUIRE(w.put(f.handle, 0, limit / 2) == std::int64_t(limit / 2));
    CHECK(allocate(g, 0, limit / 2 + 1) == ENOSPC);
    CHECK(w.size(*w.peer, "g") == 0);
    for (int i = 0; i < 10; ++i) CHECK(allocate(g, 0, limit / 2) == 0);
    CHECK(w.put(f.handle, limit, 1) == -ENOSPC);
    for (int i = 0; i < 10; ++i) CHECK(allocate(f, 0, limit / 2) == 0);
    CHECK(allocate(f, 0, limit / 2 + 1) == ENOSPC);
    w.run((*w.peer)->flush_all());
    w.remove("g", g);
    CHECK(w.free_bytes() == limit / 2);
    CHECK(allocate(f, 0, limit) == 0);
}

TEST_CASE("a shared copy takes room that a later write then does not get") {
    Limited w;
    const Opened f = w.file("f"), g = w.file("g");
    REQUIRE(w.put(f.handle, 0, 300'000) == 300'000);
    REQUIRE(w.run((*w.peer)->copy(f.handle, 0, g.handle, 0, 300'000, false)) == 300'000);

    CHECK(w.put(g.handle, 300'000, 500'000) == std::int64_t(limit) - 600'000);
    w.run((*w.peer)->fsync(g.handle));
}

TEST_CASE("writing over what is there is free, unsent or stored, in a full volume") {
    Limited w;
    const Opened f = w.file("f");
    REQUIRE(w.put(f.handle, 0, limit) == std::int64_t(limit));

    CHECK(w.put(f.handle, 1000, 5000) == 5000);
    w.run((*w.peer)->fsync(f.handle));
    CHECK(w.put(f.handle, 0, 700'000) == 700'000);
    w.run((*w.peer)->fsync(f.handle));
    CHECK(w.put(f.handle, limit - 10, 20) == 10);
}

TEST_CASE("many small writes of many files are taken to the last byte and are all committed") {
    Limited w;
    std::uint64_t taken = 0;
    std::vector<Opened> files;
    for (int i = 0; i < 8; ++i) files.push_back(w.file("f" + std::to_string(i)));
    for (std::uint64_t round = 0;; ++round) {
        const auto bytes = w.put(files[round % 8].handle, round / 8 * 3000, 3000);
        if (bytes < 0) {
            CHECK(bytes == -ENOSPC);
            break;
        }
        taken += std::uint64_t(bytes);
    }

    CHECK(taken == limit);
    w.run((*w.peer)->flush_all());
    CHECK(w.volume->read(wire::StatFs{}).value().used_bytes == limit);
}

TEST_CASE("deletions and truncations free space at once") {
    Limited w;
    const Opened f = w.file("f"), g = w.file("g");
    REQUIRE(w.put(f.handle, 0, limit / 2) == std::int64_t(limit / 2));
    REQUIRE(w.put(g.handle, 0, limit) == std::int64_t(limit / 2));
    w.run((*w.peer)->flush_all());

    w.remove("f", f);
    CHECK(w.free_bytes() == limit / 2);
    CHECK(w.put(g.handle, limit / 2, limit) == std::int64_t(limit / 2));
    w.run(w.set_size(*w.peer, g.node.attr.ino, 100));
    CHECK(w.put(g.handle, limit, limit) == std::int64_t(limit - 100));
}

TEST_CASE(
    "what a file uses is told right before its bytes are sent, also beside room that it keeps") {
    World w;
    Peer& a = w.mount();
    const Opened f = w.create(a, "f"), g = w.create(a, "g");
    const auto used = [&](const Opened& file) {
        return w.run(a->getattr(file.node.attr.ino)).attr.used;
    };
    w.run(a->allocate(f.handle, FALLOC_FL_KEEP_SIZE, 1 << 18, 1 << 18, false));
    w.write(a, f.handle, 0, pattern(1 << 16));
    CHECK(used(f) == (1 << 18) + (1 << 16));

    w.run(a->allocate(g.handle, 0, 0, 1 << 18, false));
    w.write(a, g.handle, 0, pattern(1 << 16));
    w.run(a->allocate(g.handle, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1 << 17, 4096, false));
    CHECK(used(g) == (1 << 18) - 4096);
    w.run(a->flush_all());
    CHECK(used(f) == (1 << 18) + (1 << 16));
    CHECK(used(g) == (1 << 18) - 4096);
}

TEST_CASE("unsent overwrites and removed files leave space for fallocate") {
    Limited w;
    const Opened f = w.file("f"), g = w.file("g"), h = w.file("h");
    const std::uint64_t half = limit / 2;
    REQUIRE(w.put(f.handle, 0, half) == std::int64_t(half));
    w.run((*w.peer)->flush_all());
    w.run((*w.peer)->allocate(g.handle, 0, 0, half, false));
    w.remove("g", g);
    REQUIRE(w.put(f.handle, 0, half) == std::int64_t(half));

    CHECK(w.code((*w.peer)->allocate(h.handle, 0, 0, half, false)) == 0);
    CHECK(w.code((*w.peer)->allocate(h.handle, 0, 0, half + 4096, false)) == ENOSPC);
}

TEST_CASE("a copy that shares bytes leaves the room that writes were promised") {
    Limited w;
    const Opened f = w.file("f"), g = w.file("g"), h = w.file("h");
    REQUIRE(w.put(f.handle, 0, limit / 4) == std::int64_t(limit / 4));
    w.run((*w.peer)->flush_all());
    REQUIRE(w.put(g.handle, 0, limit / 2) == std::int64_t(limit / 2));

    const auto copy = [&](std::uint64_t offset) {
        return w.loop.run((*w.peer)->copy(f.handle, 0, h.handle, offset, limit / 4, false));
    };
    CHECK(copy(0).value() == limit / 4);
    CHECK(code_of(copy(limit / 4)) == ENOSPC);
    CHECK(w.put(g.handle, limit / 2, 1) == -ENOSPC);
    w.run((*w.peer)->flush_all());
    CHECK(w.volume->read(wire::StatFs{}).value().used_bytes == limit);
}

TEST_CASE("a hole costs nothing, but in a file that lives in the metadata") {
    Limited w;
    const Opened f = w.file("f"), g = w.file("g");
    REQUIRE(w.put(f.handle, 0, limit - 5000) == std::int64_t(limit - 5000));

    CHECK(w.put(g.handle, 6000, 10) == -ENOSPC);
    CHECK(w.put(g.handle, 1ull << 40, 10) == 10);
    w.run((*w.peer)->flush_all());
    CHECK(w.volume->read(wire::StatFs{}).value().used_bytes == limit - 4990);
}

TEST_CASE("a volume that is full of inodes takes one more as soon as one is deleted") {
    World w({.max_inodes = 3});
    Peer& a = w.mount();
    const Opened f = w.create(a, "f");
    w.create(a, "g");

    CHECK(w.code(a->create(wire::root_ino, "h", 0644, O_RDWR, Who{})) == ENOSPC);
    CHECK(w.code(a->make(wire::root_ino, "d", S_IFDIR | 0755, 0, {}, Who{})) == ENOSPC);
    w.run(a->unlink(wire::root_ino, "f"));
    a->release(f.handle);
    a->forget(f.node.attr.ino);
    CHECK(w.code(a->make(wire::root_ino, "d", S_IFDIR | 0755, 0, {}, Who{})) == 0);
}

}  // namespace flexfs::vfs
