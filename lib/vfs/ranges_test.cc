// Holes, SEEK_DATA and SEEK_HOLE, copies that share, and how many bytes a file uses.
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
std::uint64_t copy(World& w, Peer& peer, HandleId from, std::uint64_t from_offset, HandleId to,
                   std::uint64_t offset, std::uint64_t length) {
    return w.run(peer->copy(from, from_offset, to, offset, length, false));
}
std::string with_hole(std::string text, std::size_t offset, std::size_t length) {
    return text.replace(offset, length, std::string(length, '\0'));
}
std::uint64_t used(World& w, Peer& peer, const Opened& file) {
    return w.run(peer->getattr(file.node.attr.ino)).attr.used;
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
    CHECK(used(w, a, file) == mib);
    CHECK(w.code(a->seek(file.handle, 0, true)) == ENXIO);
    w.write(a, file.handle, 300'000, pattern(200'000));
    CHECK(used(w, a, file) == mib);
    CHECK(w.run(a->seek(file.handle, 0, true)) == 300'000 / 4096 * 4096);
    w.run(a->fsync(file.handle));
    CHECK(used(w, a, file) == mib);
    CHECK(w.run(a->seek(file.handle, 0, true)) == 300'000 / 4096 * 4096);
    CHECK(w.run(a->seek(file.handle, 300'000, false)) == 503'808);
    allocate(w, a, file.handle, FALLOC_FL_KEEP_SIZE, mib, mib);
    CHECK(used(w, a, file) == 2 * mib);
    w.write(a, file.handle, mib, pattern(10));
    w.run(a->fsync(file.handle));
    CHECK(used(w, a, file) == 2 * mib);
    w.run(w.set_size(a, file.node.attr.ino, 2 * mib - 5));
    allocate(w, a, file.handle, punch, 0, mib);
    CHECK(used(w, a, file) == mib);
    const std::string expected = std::string(mib, '\0') + pattern(10);
    CHECK(w.read(a, file.handle, 0, mib + 10) == expected);
    w.unmount(a);
    Peer& b = w.mount();
    const Opened again = w.open(b, "f");
    CHECK(used(w, b, again) == mib);
    CHECK(w.read(b, again.handle, 0, mib + 10) == expected);
    w.run(w.set_size(b, again.node.attr.ino, mib));
    CHECK(used(w, b, again) == 0);
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
        CHECK(used(w, a, file) == 8192);
        w.write(a, file.handle, 4000, "more");
        w.run(a->fsync(file.handle));
        CHECK(used(w, a, file) == 8192);
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
    CHECK(used(w, a, file) == 1 << 20);
    w.write(a, file.handle, 700'000, pattern(1000));
    w.run(a->fsync(file.handle));
    CHECK(used(w, a, file) == 1 << 20);
    w.run(w.set_size(a, file.node.attr.ino, 701'000));
    CHECK(used(w, a, file) == 172 * 4096);
    const Opened cut = w.create(a, "f", O_RDWR | O_CREAT | O_TRUNC);
    CHECK(used(w, a, cut) == 0);
    allocate(w, a, cut.handle, FALLOC_FL_KEEP_SIZE, 0, 1 << 20);
    w.create(a, "f", O_RDWR | O_CREAT | O_TRUNC);
    CHECK(used(w, a, cut) == 0);
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
    CHECK(used(w, a, file) == 25 * 4096);
    CHECK(w.read(a, file.handle) == expected);
}

TEST_CASE("what leaves while a hole is made does not come back") {
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
    CHECK(used(w, a, file) == 0);
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
    CHECK(used(w, a, file) == 300'000);
    w.run(a->fsync(file.handle));
    CHECK(used(w, a, file) == 300'000);
    w.write(a, file.handle, tera + 100'000, pattern(300'000));
    CHECK(used(w, a, file) == 400'000);
    w.run(a->fsync(file.handle));
    CHECK(used(w, a, file) == 400'000);
    allocate(w, a, file.handle, punch, tera, 150'000);
    CHECK(used(w, a, file) == 250'000);
    w.write(a, file.handle, tera, pattern(10));
    w.run(a->fsync(file.handle));
    CHECK(used(w, a, file) == 250'010);
    w.run(w.set_size(a, file.node.attr.ino, tera + 5));
    CHECK(used(w, a, file) == 5);
}

TEST_CASE("a copy within the volume brings no bytes, and both files go their own ways") {
    World w;
    Peer& a = w.mount();
    const Opened from = w.create(a, "from"), to = w.create(a, "to");
    const std::string text = noise(3'000'000, 1);
    w.write(a, from.handle, 0, text);
    w.run(a->fsync(from.handle));
    const int puts = w.store.puts;
    CHECK(copy(w, a, from.handle, 0, to.handle, 0, 10'000'000) == text.size());
    CHECK(w.store.puts == puts);
    CHECK(w.read(a, to.handle) == text);
    CHECK(used(w, a, to) == text.size());

    w.write(a, from.handle, 1'000'000, pattern(500'000));
    w.write(a, to.handle, 2'000'000, pattern(100, 5));
    std::string of_from = text, of_to = text;
    of_from.replace(1'000'000, 500'000, pattern(500'000));
    of_to.replace(2'000'000, 100, pattern(100, 5));
    CHECK(w.read(a, from.handle) == of_from);
    CHECK(w.read(a, to.handle) == of_to);
    w.run(a->unlink(wire::root_ino, "from"));
    w.unmount(a);
    w.upkeep();
    Peer& b = w.mount();
    CHECK(w.read(b, w.open(b, "to").handle) == of_to);
}

TEST_CASE("a copy takes unsent, small, sparse and misaligned ranges as they are") {
    struct Range {
        std::size_t size, from, to, length;
    };
    const Range ranges[] = {{600'000, 0, 0, 600'000},         {600'000, 1, 0, 500'000},
                            {600'000, 12'345, 99, 400'000},   {5000, 0, 0, 5000},
                            {5000, 10, 300'000, 4000},        {20'000, 3, 250'000, 19'000},
                            {900'000, 100, 262'000, 600'000}, {600'000, 5, 4'000'000, 500'000}};
    for (const Range& r : ranges) {
        for (const std::size_t before : {0, 100, 5000, 700'000}) {
            for (const bool flushed : {false, true}) {
                CAPTURE(r.size);
                CAPTURE(r.from);
                CAPTURE(before);
                CAPTURE(flushed);
                World w;
                Peer& a = w.mount();
                const Opened from = w.create(a, "from"), to = w.create(a, "to");
                const std::string text = pattern(r.size, 3);
                std::string expected = pattern(before, 9);
                w.write(a, from.handle, 0, text);
                w.write(a, to.handle, 0, expected);
                if (flushed) {
                    w.run(a->fsync(from.handle));
                    w.run(a->fsync(to.handle));
                }
                CHECK(copy(w, a, from.handle, r.from, to.handle, r.to, r.length) == r.length);
                expected.resize(std::max(expected.size(), r.to + r.length));
                expected.replace(r.to, r.length, text.substr(r.from, r.length));
                CHECK(w.read(a, to.handle) == expected);
                CHECK(w.read(a, from.handle) == text);
                CHECK(w.read_after(a, "to") == expected);
            }
        }
    }
}

TEST_CASE("holes are copied as holes, and a hole of a terabyte at once") {
    World w;
    Peer& a = w.mount();
    const Opened from = w.create(a, "from"), to = w.create(a, "to");
    w.write(a, from.handle, tera, "end");
    w.write(a, to.handle, 10, pattern(600'000));
    CHECK(copy(w, a, from.handle, 0, to.handle, 0, 2 * tera) == tera + 3);
    CHECK(used(w, a, to) == 3);
    CHECK(w.run(a->seek(to.handle, 0, true)) == tera);
    CHECK(w.read(a, to.handle, tera, 10) == "end");

    const Opened small = w.create(a, "small"), other = w.create(a, "other");
    w.write(a, small.handle, 0, "hello");
    w.run(w.set_size(a, small.node.attr.ino, tera));
    CHECK(copy(w, a, small.handle, 0, other.handle, 1, tera) == tera);
    CHECK(w.read(a, other.handle, 0, 7) == std::string("\0hello\0", 7));
    CHECK(used(w, a, other) <= 64 << 10);
}

TEST_CASE("a copy ends where the source does, and is refused as copy_file_range(2) says") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f"), other = w.create(a, "g");
    w.write(a, file.handle, 0, pattern(500'000));
    CHECK(copy(w, a, file.handle, 500'000, other.handle, 0, 10) == 0);
    CHECK(copy(w, a, file.handle, 499'000, other.handle, 0, 5000) == 1000);
    CHECK(w.code(a->copy(file.handle, 0, file.handle, 10, 100'000, false)) == EINVAL);
    CHECK(w.code(a->copy(file.handle, 0, w.open(a, "g", O_RDONLY).handle, 0, 1, false)) == EBADF);
    CHECK(w.code(a->copy(file.handle, 0, other.handle, INT64_MAX - 5, 10, false)) == EFBIG);
    CHECK(copy(w, a, file.handle, 0, file.handle, 500'000, 500'000) == 500'000);
    CHECK(w.read(a, file.handle) == pattern(500'000) + pattern(500'000));
}

TEST_CASE("a client copies what another has not sent, and tells the others") {
    World w;
    Peer &a = w.mount(), &b = w.mount();
    const Opened from = w.create(a, "from"), to = w.create(a, "to");
    w.write(a, from.handle, 0, pattern(600'000, 1));
    w.write(a, to.handle, 0, pattern(700'000, 2));
    const Opened b_from = w.open(b, "from", O_RDONLY), b_to = w.open(b, "to");
    CHECK(copy(w, b, b_from.handle, 0, b_to.handle, 50'000, 600'000) == 600'000);
    std::string expected = pattern(700'000, 2);
    expected.replace(50'000, 600'000, pattern(600'000, 1));
    CHECK(w.read(b, b_to.handle) == expected);
    CHECK(w.read(a, to.handle) == expected);
}

TEST_CASE("shared blocks are compacted for each file alone") {
    World w;
    Peer& a = w.mount();
    const Opened from = w.create(a, "from"), to = w.create(a, "to");
    std::string expected = pattern(200'000);
    w.write(a, from.handle, 0, expected);
    for (unsigned i = 0; i < 12; ++i) {
        w.write(a, from.handle, 10'000 * i, pattern(3000, i));
        expected.replace(10'000 * i, 3000, pattern(3000, i));
        w.run(a->fsync(from.handle));
    }
    CHECK(copy(w, a, from.handle, 0, to.handle, 0, 200'000) == 200'000);
    w.run(static_cast<CachingFilesystem&>(*a.client).compactor().run_all());
    CHECK(w.read(a, from.handle) == expected);
    CHECK(w.read(a, to.handle) == expected);
    w.unmount(a);
    w.upkeep();
    Peer& b = w.mount();
    CHECK(w.read(b, w.open(b, "from").handle) == expected);
    CHECK(w.read(b, w.open(b, "to").handle) == expected);
}

}  // namespace flexfs::vfs
