// Copies within a volume, which share what is stored.
#include "lib/vfs/caching_filesystem.h"
#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {
namespace {

constexpr std::uint64_t tera = std::uint64_t{1} << 40;

std::uint64_t copy(World& w, Peer& peer, HandleId from, std::uint64_t from_offset, HandleId to,
                   std::uint64_t offset, std::uint64_t length) {
    return w.run(peer->copy(from, from_offset, to, offset, length, false));
}

}  // namespace

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
    CHECK(w.used(a, to) == text.size());

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
    CHECK(w.used(a, to) == 3);
    CHECK(w.run(a->seek(to.handle, 0, true)) == tera);
    CHECK(w.read(a, to.handle, tera, 10) == "end");

    const Opened small = w.create(a, "small"), other = w.create(a, "other");
    w.write(a, small.handle, 0, "hello");
    w.run(w.set_size(a, small.node.attr.ino, tera));
    CHECK(copy(w, a, small.handle, 0, other.handle, 1, tera) == tera);
    CHECK(w.read(a, other.handle, 0, 7) == std::string("\0hello\0", 7));
    CHECK(w.used(a, other) <= 64 << 10);
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
