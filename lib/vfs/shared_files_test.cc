// Several clients that change one file at the same time, and changes whose caller does not wait for
// their end.
#include "lib/base/log.h"
#include "lib/task/scope.h"
#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {
namespace {

Task<void> put(Peer& peer, HandleId handle, std::uint64_t offset, std::string text) {
    co_await peer->write(handle, offset, Buffer::copy_of(text), false, false);
}

// A record is a letter, a number of four digits, and as many dots as make it `size` bytes long.
std::string record(char who, int number, std::size_t size) {
    std::string digits = std::to_string(number);
    std::string text = who + std::string(4 - digits.size(), '0') + digits;
    return text + std::string(size - text.size(), '.');
}

// Continues after errors, as a logger does.
Task<void> append(Peer& peer, HandleId handle, char who, int count, std::size_t size) {
    for (int i = 0; i < count; ++i) co_await result(put(peer, handle, 0, record(who, i, size)));
}

// Checks that the text consists of whole records, with those of each writer in order, and counts
// them.
std::map<char, int> records(const std::string& text, std::size_t size) {
    std::map<char, int> found;
    std::map<char, int> last;
    REQUIRE(text.size() % size == 0);
    for (std::size_t at = 0; at < text.size(); at += size) {
        const char who = text[at];
        const int number = std::atoi(text.substr(at + 1, 4).c_str());
        CHECK(text.substr(at, size) == record(who, number, size));
        if (last.contains(who)) CHECK(number > last[who]);
        last[who] = number;
        ++found[who];
    }
    return found;
}

std::string all_of(World& w, const std::string& name) {
    Peer& reader = w.mount();
    std::string text = w.read(reader, w.open(reader, name, O_RDONLY).handle);
    CHECK(text.size() == w.size(reader, name));
    return text;
}

}  // namespace

TEST_CASE("clients that append to one file lose nothing and interleave nothing") {
    for (const std::uint32_t inline_bytes : {0, 8 << 10})
        for (const std::size_t size : {10, 700, 3000, 100'000}) {
            CAPTURE(inline_bytes);
            CAPTURE(size);
            World w({.inline_bytes = inline_bytes});
            w.create(w.mount(), "f");
            Scope writers;
            for (const char who : {'a', 'b', 'c'}) {
                Peer& peer = w.mount();
                const Opened file = w.open(peer, "f", O_RDWR | O_APPEND);
                writers.start(append(peer, file.handle, who, 40, size));
            }
            w.run(writers.join());
            CHECK(records(all_of(w, "f"), size) ==
                  std::map<char, int>{{'a', 40}, {'b', 40}, {'c', 40}});
        }
}

TEST_CASE("an append that cannot be stored leaves no hole between those of others") {
    World w({.inline_bytes = 0});
    w.create(w.mount(), "f");
    Peer &a = w.mount(), &b = w.mount();
    const HandleId at_a = w.open(a, "f", O_RDWR | O_APPEND).handle;
    const HandleId at_b = w.open(b, "f", O_RDWR | O_APPEND).handle;
    Scope writers;
    writers.start(append(a, at_a, 'a', 30, 500));
    writers.start(append(b, at_b, 'b', 30, 500));
    w.store.fail_put = 2;
    w.run(writers.join());
    // The first fsync reports the error; the data that could not be stored is sent again.
    for (Peer* peer : {&a, &b}) {
        const HandleId handle = peer == &a ? at_a : at_b;
        static_cast<void>(w.code((*peer)->fsync(handle)));
        w.run((*peer)->fsync(handle));
    }
    const auto found = records(all_of(w, "f"), 500);
    CHECK(w.store.fail_put == 0);
    CHECK(found.at('a') == 30);
    CHECK(found.at('b') == 30);
}

TEST_CASE(
    "what one client appends goes behind what another writes there, and is dropped from the "
    "kernel's pages") {
    World w;
    Peer &a = w.mount(), &b = w.mount();
    const Opened file = w.create(a, "f");
    const HandleId at_a = w.open(a, "f", O_RDWR | O_APPEND).handle;
    const HandleId at_b = w.open(b, "f").handle;
    for (int i = 0; i < 4; ++i) {
        w.write(b, at_b, std::uint64_t(i) * 10, "bbbbb");
        a.dropped.data.clear();
        w.run(a->write(at_a, 0, Buffer::copy_of("aaaaa"), false, false));
        CHECK(std::ranges::count(a.dropped.data, file.node.attr.ino) > 0);
    }
    CHECK(all_of(w, "f") == "bbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaa");
}

TEST_CASE("clients that write different bytes of one small file at the same time keep all") {
    for (const wire::Compression compression : {wire::Compression::none, wire::Compression::lz4}) {
        World w({.compression = compression});
        const Opened first = w.create(w.mount(), "f");
        static_cast<void>(first);
        Peer &a = w.mount(), &b = w.mount();
        const HandleId at_a = w.open(a, "f").handle, at_b = w.open(b, "f").handle;
        std::string expected;
        for (int i = 0; i < 60; ++i) {
            const std::uint64_t at = std::uint64_t(i) * 40;
            Scope both;
            both.start(put(a, at_a, at, std::string(20, 'a')));
            both.start(put(b, at_b, at + 20, std::string(20, 'b')));
            w.run(both.join());
            expected += std::string(20, 'a') + std::string(20, 'b');
        }
        CHECK(all_of(w, "f") == expected);
        CHECK(w.volume->read(wire::Extents{first.node.attr.ino, 0, 9})->extents.empty());
    }
}

TEST_CASE("a file that grows out of the metadata keeps what another client writes meanwhile") {
    World w;
    const Opened first = w.create(w.mount(), "f");
    Peer &a = w.mount(), &b = w.mount();
    const HandleId at_a = w.open(a, "f").handle, at_b = w.open(b, "f").handle;
    for (int i = 0; i < 3; ++i) {
        w.write(a, at_a, 0, std::string(100, 'x'));
        w.write(b, at_b, 100, std::string(100, 'x'));
    }
    Scope both;
    both.start(put(a, at_a, 9000, std::string(5000, 'a')));
    both.start(put(b, at_b, 50, std::string(100, 'b')));
    w.run(both.join());
    std::string expected(14000, '\0');
    expected.replace(0, 200, std::string(200, 'x'));
    expected.replace(50, 100, std::string(100, 'b'));
    expected.replace(9000, 5000, std::string(5000, 'a'));
    CHECK(all_of(w, "f") == expected);
    CHECK(!w.volume->read(wire::Extents{first.node.attr.ino, 0, 9})->extents.empty());
}

TEST_CASE("an append and a truncation by another client do not undo each other") {
    for (const std::uint32_t inline_bytes : {0, 8 << 10}) {
        CAPTURE(inline_bytes);
        World w({.inline_bytes = inline_bytes});
        const Ino ino = w.create(w.mount(), "f").node.attr.ino;
        Peer &a = w.mount(), &b = w.mount();
        const HandleId at_a = w.open(a, "f", O_RDWR | O_APPEND).handle;
        const HandleId at_b = w.open(b, "f", O_RDWR | O_APPEND).handle;
        w.write(a, at_a, 0, record('a', 9000, 10));
        w.write(b, at_b, 0, record('b', 9000, 10));
        w.write(a, at_a, 0, record('a', 9001, 10));
        for (int round = 0; round < 20; ++round) {
            Scope both;
            both.start(append(a, at_a, 'a', 5, 10));
            both.start(w.set_size(b, ino, 0));
            w.run(both.join());
            const std::string text = all_of(w, "f");
            const int count = int(text.size() / 10);
            REQUIRE(count <= 5);
            std::string expected;
            for (int i = 5 - count; i < 5; ++i) expected += record('a', i, 10);
            CHECK(text == expected);
            w.run(w.set_size(b, ino, 0));
        }
    }
}

TEST_CASE("a truncation whose caller is stopped is done all the same, with the unsent bytes too") {
    for (const std::uint64_t size : {0, 100, 300'000, 700'000}) {
        CAPTURE(size);
        World w;
        Peer& a = w.mount();
        const Opened file = w.create(a, "f");
        w.write(a, file.handle, 0, pattern(400'000));
        w.run(a->fsync(file.handle));
        w.write(a, file.handle, 200'000, pattern(300'000, 5));

        task::StopSource stop;
        Scope caller;
        caller.start(w.set_size(a, file.node.attr.ino, size), &stop);
        stop.request();
        CHECK(w.code(caller.join()) == 0);
        std::string expected = pattern(200'000) + pattern(300'000, 5);
        expected.resize(size, '\0');
        CHECK(w.volume->read(wire::GetAttr{file.node.attr.ino})->attr.size <= size);
        CHECK(w.read(a, file.handle) == expected);
        CHECK(w.size(a, "f") == size);
        CHECK(w.read_after(a, "f") == expected);
    }
}

TEST_CASE("a truncation that is refused leaves the file as it was, with its write time") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, pattern(20'000));
    w.run(a->fsync(file.handle));
    w.write(a, file.handle, 10'000, pattern(20'000, 3));
    const Attr before = w.run(a->getattr(file.node.attr.ino)).attr;
    w.volume->fail_disk(EIO);
    CHECK(w.code(w.set_size(a, file.node.attr.ino, 5)) == EIO);
    w.volume->fail_disk(0);
    CHECK(w.run(a->getattr(file.node.attr.ino)).attr.mtime == before.mtime);
    CHECK(w.read_after(a, "f") == pattern(10'000) + pattern(20'000, 3));
}

TEST_CASE("after a refused truncation a file with unsent bytes is read up to its end") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, pattern(600'000));
    w.run(a->fsync(file.handle));
    w.write(a, file.handle, 0, pattern(1000, 3));
    w.volume->fail_disk(EIO);
    CHECK(w.code(w.set_size(a, file.node.attr.ino, 8192)) == EIO);
    w.volume->fail_disk(0);
    CHECK(w.read(a, file.handle) == pattern(1000, 3) + pattern(600'000).substr(1000));
}

TEST_CASE("any flipped bit of a small file in the database is EIO, or does not matter") {
    REQUIRE(log::to_file("/dev/null"));
    for (const std::string& text : {std::string("short"), pattern(300), noise(700, 1)}) {
        World w;
        Peer& a = w.mount();
        const Opened file = w.create(a, "f");
        const Ino ino = file.node.attr.ino;
        w.write(a, file.handle, 0, text);
        w.unmount(a);
        const wire::ExtentList stored = *w.volume->read(wire::Extents{ino});
        std::vector<std::byte> bytes(stored.inline_data.view().begin(),
                                     stored.inline_data.view().end());
        for (std::size_t bit = 0; bit < bytes.size() * 8; bit += bytes.size() > 100 ? 11 : 1) {
            CAPTURE(bit);
            bytes[bit / 8] ^= std::byte(1 << bit % 8);
            wire::Commit commit;
            commit.inodes.push_back({.ino = ino,
                                     .set_inline = true,
                                     .inline_data = Buffer::copy_of(ByteView(bytes)),
                                     .inline_bytes = stored.inline_bytes});
            REQUIRE(w.volume->apply(0, commit)->errors[0] == 0);
            Peer& b = w.mount();
            const auto read = w.loop.run(b->read(w.open(b, "f").handle, 0, 1000));
            // Some bits of compressed data do not change its meaning.
            if (read) CHECK(read->front().text() == text);
            else CHECK(read.error().code == EIO);
            if (text != pattern(300)) CHECK(!read);
            w.unmount(b);
            bytes[bit / 8] ^= std::byte(1 << bit % 8);
        }
    }
    REQUIRE(log::to_file("/dev/stderr"));
}

TEST_CASE("without limits statfs shows what the volume uses, and what its disk has left") {
    World w;
    Peer& a = w.mount();
    const auto space = [&] { return w.run(a->statfs()); };
    CHECK(space().total_bytes == space().free_bytes);
    CHECK(space().free_bytes == Filesystem::bytes_unlimited);
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, pattern(500'000));
    // Unsent data counts in full.
    CHECK(space().total_bytes - space().free_bytes >= 500'000);
    CHECK(space().total_bytes - space().free_bytes < 510'000);
    w.run(a->fsync(file.handle));
    CHECK(space().total_bytes - space().free_bytes == 500'000);
    w.store.disk = {.free = 7'000'000, .total = 90'000'000};
    CHECK(space().free_bytes == 7'000'000);
    CHECK(space().total_bytes == 7'500'000);
    CHECK(space().total_inodes - space().free_inodes == 2);
}

}  // namespace flexfs::vfs
