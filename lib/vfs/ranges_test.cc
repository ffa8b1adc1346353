// Holes, reserved space, SEEK_DATA and SEEK_HOLE, and how many bytes a file uses.
#include "lib/task/scope.h"
#include "lib/vfs/caching_filesystem.h"
#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {
namespace {

constexpr std::uint32_t punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
constexpr std::uint32_t zero = FALLOC_FL_ZERO_RANGE;
constexpr std::uint64_t tera = std::uint64_t{1} << 40;

void allocate(World& w, Peer& peer, HandleId handle, std::uint32_t mode, std::uint64_t offset,
              std::uint64_t length) {
    w.run(peer->allocate(handle, mode, offset, length, false));
}
std::string with_hole(std::string text, std::size_t offset, std::size_t length) {
    return text.replace(offset, length, std::string(length, '\0'));
}

}  // namespace

TEST_CASE("a hole reads as zeros at once, after fsync and after a new mount, and the size stays") {
    for (const bool flushed : {false, true}) {
        for (const std::size_t bytes : {4000, 600'000}) {
            CAPTURE(flushed);
            CAPTURE(bytes);
            World w;
            Peer& a = w.mount();
            const Opened file = w.create(a, "f");
            w.write(a, file.handle, 0, pattern(bytes));
            if (flushed) w.run(a->fsync(file.handle));
            allocate(w, a, file.handle, punch, bytes / 4, bytes / 2);
            std::string expected = with_hole(pattern(bytes), bytes / 4, bytes / 2);
            CHECK(w.read(a, file.handle) == expected);
            // A hole may extend to the end of the file and beyond.
            allocate(w, a, file.handle, punch, bytes - 100, 5000);
            expected = with_hole(expected, bytes - 100, 100);
            CHECK(w.read(a, file.handle) == expected);
            CHECK(w.size(a, "f") == bytes);
            w.run(a->fsync(file.handle));
            CHECK(w.read(a, file.handle) == expected);
            CHECK(w.read_after(a, "f") == expected);
        }
    }
}

TEST_CASE("a range is zeroed with and without growing the file, and a file grows without data") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    const std::string text = pattern(500'000);
    w.write(a, file.handle, 0, text);
    allocate(w, a, file.handle, zero | FALLOC_FL_KEEP_SIZE, 400'000, 200'000);
    CHECK(w.read(a, file.handle) == with_hole(text, 400'000, 100'000));
    allocate(w, a, file.handle, zero, 450'000, 150'000);
    CHECK(w.read(a, file.handle) == with_hole(text, 400'000, 100'000) + std::string(100'000, '\0'));
    allocate(w, a, file.handle, FALLOC_FL_KEEP_SIZE, 0, 900'000);
    CHECK(w.size(a, "f") == 600'000);
    allocate(w, a, file.handle, 0, 800'000, 100'000);
    CHECK(w.size(a, "f") == 900'000);
    CHECK(w.read(a, file.handle, 700'000) == std::string(200'000, '\0'));
}

TEST_CASE("room that is kept counts at once, is a hole until it is written, and counts once") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    constexpr std::uint64_t mib = 1 << 20;
    allocate(w, a, file.handle, 0, 1, mib - 2);
    CHECK(w.used(a, file) == mib);
    CHECK(w.code(a->seek(file.handle, 0, true)) == ENXIO);
    w.write(a, file.handle, 300'000, pattern(200'000));
    CHECK(w.used(a, file) == mib);
    CHECK(w.run(a->seek(file.handle, 0, true)) == 300'000 / 4096 * 4096);
    w.run(a->fsync(file.handle));
    CHECK(w.used(a, file) == mib);
    CHECK(w.run(a->seek(file.handle, 0, true)) == 300'000 / 4096 * 4096);
    CHECK(w.run(a->seek(file.handle, 300'000, false)) == 503'808);
    allocate(w, a, file.handle, FALLOC_FL_KEEP_SIZE, mib, mib);
    CHECK(w.used(a, file) == 2 * mib);
    w.write(a, file.handle, mib, pattern(10));
    w.run(a->fsync(file.handle));
    CHECK(w.used(a, file) == 2 * mib);
    w.run(w.set_size(a, file.node.attr.ino, 2 * mib - 5));
    allocate(w, a, file.handle, punch, 0, mib);
    CHECK(w.used(a, file) == mib);
    const std::string expected = std::string(mib, '\0') + pattern(10);
    CHECK(w.read(a, file.handle, 0, mib + 10) == expected);
    w.unmount(a);
    Peer& b = w.mount();
    const Opened again = w.open(b, "f");
    CHECK(w.used(b, again) == mib);
    CHECK(w.read(b, again.handle, 0, mib + 10) == expected);
    w.run(w.set_size(b, again.node.attr.ino, mib));
    CHECK(w.used(b, again) == 0);
}

TEST_CASE("a small file gets room for unsent and stored bytes, and more is written there") {
    for (const bool flushed : {false, true}) {
        CAPTURE(flushed);
        World w;
        Peer& a = w.mount();
        const Opened file = w.create(a, "f");
        w.write(a, file.handle, 0, pattern(3000));
        if (flushed) w.run(a->fsync(file.handle));
        allocate(w, a, file.handle, FALLOC_FL_KEEP_SIZE, 0, 8192);
        CHECK(w.used(a, file) == 8192);
        w.write(a, file.handle, 4000, "more");
        w.run(a->fsync(file.handle));
        CHECK(w.used(a, file) == 8192);
        const std::string expected = pattern(3000) + std::string(1000, '\0') + "more";
        CHECK(w.read(a, file.handle) == expected);
        CHECK(w.read_after(a, "f") == expected);
    }
}

TEST_CASE("a file that grows keeps the room behind its end, and one that is cut does not") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    allocate(w, a, file.handle, FALLOC_FL_KEEP_SIZE, 0, 1 << 20);
    w.run(a->fsync(file.handle));
    w.run(w.set_size(a, file.node.attr.ino, 5000));
    CHECK(w.used(a, file) == 1 << 20);
    w.write(a, file.handle, 700'000, pattern(1000));
    w.run(a->fsync(file.handle));
    CHECK(w.used(a, file) == 1 << 20);
    w.run(w.set_size(a, file.node.attr.ino, 701'000));
    CHECK(w.used(a, file) == 172 * 4096);
    const Opened cut = w.create(a, "f", O_RDWR | O_CREAT | O_TRUNC);
    CHECK(w.used(a, cut) == 0);
    allocate(w, a, cut.handle, FALLOC_FL_KEEP_SIZE, 0, 1 << 20);
    w.create(a, "f", O_RDWR | O_CREAT | O_TRUNC);
    CHECK(w.used(a, cut) == 0);
}

TEST_CASE("room below the end of what is unsent does not make the stored file longer before that") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, pattern(5000));
    allocate(w, a, file.handle, 0, 3000, 500);
    const auto stored = [&] {
        return w.volume->read(wire::GetAttr{file.node.attr.ino}).value().attr.size;
    };
    CHECK(stored() == 0);
    CHECK(w.size(a, "f") == 5000);
    allocate(w, a, file.handle, 0, 3000, 3000);
    CHECK(w.size(a, "f") == 6000);
    w.run(a->fsync(file.handle));
    CHECK(stored() == 6000);
    CHECK(w.read(a, file.handle) == pattern(5000) + std::string(1000, '\0'));
}

TEST_CASE("many small writes over kept room are compacted, and the room stays") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    allocate(w, a, file.handle, 0, 0, 100'000);
    std::string expected(100'000, '\0');
    for (unsigned i = 0; i < 12; ++i) {
        w.write(a, file.handle, i * 3000, pattern(3000, i));
        w.run(a->fsync(file.handle));
        expected.replace(i * 3000, 3000, pattern(3000, i));
    }
    w.run(static_cast<CachingFilesystem&>(*a.client).compactor().run_all());
    CHECK(w.volume->read(wire::Extents{file.node.attr.ino, 0, 1}).value().extents.size() == 2);
    CHECK(w.used(a, file) == 25 * 4096);
    CHECK(w.read(a, file.handle) == expected);
}

TEST_CASE("data sent while a hole is made does not come back") {
    for (const std::size_t bytes : {4000, 600'000}) {
        CAPTURE(bytes);
        World w;
        Peer& a = w.mount();
        const Opened file = w.create(a, "f");
        w.write(a, file.handle, 0, pattern(bytes));
        Scope leaving;
        leaving.start(a->fsync(file.handle));
        allocate(w, a, file.handle, punch, 1000, 2000);
        const std::string expected = with_hole(pattern(bytes), 1000, 2000);
        CHECK(w.read(a, file.handle) == expected);
        w.run(leaving.join());
        CHECK(w.read(a, file.handle) == expected);
        CHECK(w.read_after(a, "f") == expected);
    }
}

TEST_CASE("a hole in what is unsent costs the store nothing") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, pattern(1'000'000));
    allocate(w, a, file.handle, punch, 0, 1'000'000);
    w.run(a->fsync(file.handle));
    CHECK(w.store.puts == 0);
    CHECK(a->state().dirty_files == 0);
    CHECK(w.size(a, "f") == 1'000'000);
    CHECK(w.used(a, file) == 0);
}

TEST_CASE("a small file with a hole stays in the metadata") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, pattern(5000));
    w.run(a->fsync(file.handle));
    allocate(w, a, file.handle, punch, 1000, 1000);
    w.write(a, file.handle, 3000, "more");
    w.run(a->fsync(file.handle));
    CHECK(w.store.puts == 0);
    CHECK(w.read(a, file.handle) == with_hole(pattern(5000), 1000, 1000).replace(3000, 4, "more"));
}

TEST_CASE("a hole that cannot be made leaves the bytes") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, pattern(300'000));
    CHECK(w.code(a->allocate(file.handle, FALLOC_FL_PUNCH_HOLE, 0, 100, false)) == EOPNOTSUPP);
    CHECK(w.code(a->allocate(file.handle, punch, 1, UINT64_MAX, false)) == EFBIG);
    CHECK(w.code(a->allocate(w.open(a, "f", O_RDONLY).handle, punch, 0, 1, false)) == EBADF);
    CHECK(w.read(a, file.handle) == pattern(300'000));
    w.run(a->fsync(file.handle));
    CHECK(w.read(a, file.handle) == pattern(300'000));
}

TEST_CASE("a client sees the hole that another made, and loses no byte beside it") {
    World w;
    Peer &a = w.mount(), &b = w.mount();
    const Opened file = w.create(a, "f");
    const std::string text = pattern(600'000);
    w.write(a, file.handle, 0, text);
    const Opened other = w.open(b, "f");
    allocate(w, b, other.handle, punch, 100'000, 300'000);
    CHECK(w.read(a, file.handle) == with_hole(text, 100'000, 300'000));
    CHECK(w.read(b, other.handle) == with_hole(text, 100'000, 300'000));
}

TEST_CASE("setuid goes with a hole, also when the write that was to take it is punched away") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.run(a->setattr(file.node.attr.ino, wire::set_mode, {.mode = 04755}, Who{}));
    w.run(a->write(file.handle, 0, Buffer::copy_of(pattern(100)), false, true));
    allocate(w, a, file.handle, punch, 0, 100);
    CHECK((w.run(a->getattr(file.node.attr.ino)).attr.mode & 07777) == 0755);
    CHECK((w.volume->read(wire::GetAttr{file.node.attr.ino})->attr.mode & 07777) == 0755);
}

TEST_CASE("data and holes are found to the page, unsent, on their way and stored") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    const auto data = [&](Peer& peer, HandleId h, std::uint64_t from) {
        return w.run(peer->seek(h, from, true));
    };
    const auto hole = [&](Peer& peer, HandleId h, std::uint64_t from) {
        return w.run(peer->seek(h, from, false));
    };
    const auto check_all = [&](Peer& peer, HandleId h) {
        CHECK(data(peer, h, 0) == 98'304);  // 24 pages
        CHECK(hole(peer, h, 0) == 0);
        CHECK(hole(peer, h, 98'303) == 98'303);
        CHECK(hole(peer, h, 98'305) == 700'416);  // 171 pages
        CHECK(data(peer, h, 650'000) == 650'000);
        CHECK(data(peer, h, 700'415) == 700'415);
        CHECK(data(peer, h, 700'416) == tera);
        CHECK(hole(peer, h, 700'417) == 700'417);
        CHECK(hole(peer, h, tera) == tera + 5);
        CHECK(w.code(peer->seek(h, tera + 5, true)) == ENXIO);
        CHECK(w.code(peer->seek(h, tera + 5, false)) == ENXIO);
        CHECK(w.code(peer->seek(h, UINT64_MAX, false)) == ENXIO);
    };
    w.write(a, file.handle, 100'000, pattern(600'000));
    w.write(a, file.handle, tera, "hello");
    check_all(a, file.handle);
    w.run(a->fsync(file.handle));
    check_all(a, file.handle);
    w.unmount(a);
    Peer& b = w.mount();
    const Opened again = w.open(b, "f");
    check_all(b, again.handle);
    allocate(w, b, again.handle, punch, 200'000, 70'000);
    CHECK(hole(b, again.handle, 100'000) == 200'704);
    CHECK(data(b, again.handle, 200'704) == 266'240);
    w.run(w.set_size(b, again.node.attr.ino, 2 * tera));
    CHECK(w.code(b->seek(again.handle, tera + 4096, true)) == ENXIO);
    CHECK(hole(b, again.handle, tera) == tera + 4096);
}

TEST_CASE("a hole is uncertain while the file is open for reading and writing, by any handle") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f", O_WRONLY | O_CREAT);
    w.write(a, file.handle, 0, pattern(4096));
    w.run(w.set_size(a, file.node.attr.ino, tera));
    w.write(a, file.handle, 1 << 20, pattern(4096));
    const auto uncertain = [&](std::uint64_t offset, bool data) {
        const UncertainHole found = w.run(a->uncertain_hole(file.handle, offset, data));
        return std::pair(found.first, found.last);
    };
    const std::pair<std::uint64_t, std::uint64_t> nothing, hole{4096, 1 << 20};
    const std::pair<std::uint64_t, std::uint64_t> rest{(1 << 20) + 4096, tera};
    CHECK(uncertain(5000, true) == nothing);

    const Opened other = w.open(a, "f", O_RDWR), third = w.open(a, "f", O_RDWR);
    CHECK(uncertain(0, true) == nothing);  // offset 0 is data
    CHECK(uncertain(0, false) == hole);
    CHECK(uncertain(4096, true) == hole);
    CHECK(uncertain(2 << 20, false).second == tera);
    CHECK(uncertain(1 << 20, false) == rest);
    CHECK(w.code(a->uncertain_hole(file.handle, tera, true)) == ENXIO);
    a->release(other.handle);
    CHECK(uncertain(4096, true) == hole);
    a->release(third.handle);
    CHECK(uncertain(4096, true) == nothing);
}

TEST_CASE("a small file is data up to its last byte, or the end of that page") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, "hello");
    w.run(a->fsync(file.handle));
    CHECK(w.run(a->seek(file.handle, 3, true)) == 3);
    CHECK(w.run(a->seek(file.handle, 3, false)) == 5);
    CHECK(w.code(a->seek(file.handle, 5, true)) == ENXIO);
    w.run(w.set_size(a, file.node.attr.ino, 10'000));
    CHECK(w.run(a->seek(file.handle, 4095, true)) == 4095);
    CHECK(w.run(a->seek(file.handle, 3, false)) == 4096);
    CHECK(w.run(a->seek(file.handle, 9'999, false)) == 9'999);
    CHECK(w.code(a->seek(file.handle, 4096, true)) == ENXIO);
}

TEST_CASE("a file uses what it holds: no holes, nothing twice, unsent bytes too") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, tera, pattern(300'000));
    CHECK(w.used(a, file) == 300'000);
    w.run(a->fsync(file.handle));
    CHECK(w.used(a, file) == 300'000);
    w.write(a, file.handle, tera + 100'000, pattern(300'000));
    CHECK(w.used(a, file) == 400'000);
    w.run(a->fsync(file.handle));
    CHECK(w.used(a, file) == 400'000);
    allocate(w, a, file.handle, punch, tera, 150'000);
    CHECK(w.used(a, file) == 250'000);
    w.write(a, file.handle, tera, pattern(10));
    w.run(a->fsync(file.handle));
    CHECK(w.used(a, file) == 250'010);
    w.run(w.set_size(a, file.node.attr.ino, tera + 5));
    CHECK(w.used(a, file) == 5);
}

}  // namespace flexfs::vfs
