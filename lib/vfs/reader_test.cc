#include "lib/vfs/reader.h"

#include <random>

#include "lib/block/segment.h"
#include "lib/block/whole_frame_test.h"
#include "lib/vfs/caching_filesystem.h"
#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {
namespace {

constexpr std::size_t file_bytes = 8 << 20;

// A file that another mount wrote; this mount has none of it in memory.
struct Cold {
    World w;
    std::string data;
    Peer* peer = nullptr;
    Opened file;

    explicit Cold(std::string contents, Setup setup = {.block_bytes = 4 << 20})
        : w(setup), data(std::move(contents)) {
        Peer& a = w.mount();
        const Opened made = w.create(a, "f");
        w.write(a, made.handle, 0, data);
        w.unmount(a);
        again();
    }
    void again() {
        if (peer) w.unmount(*peer);
        peer = &w.mount();
        file = w.open(*peer, "f");
    }
    bool reads_right(std::uint64_t offset, std::size_t size) {
        return w.read(*peer, file.handle, offset, size) == data.substr(offset, size);
    }
    std::uint64_t fetched() const { return w.store.inner.counters().get_bytes; }
};

// Writes many pieces into one block, each in its own frame.
std::string scatter(World& w, Peer& a, HandleId handle, std::size_t bytes, int pieces) {
    std::string expected(bytes, '\0');
    w.write(a, handle, 0, expected);
    std::mt19937_64 dice(3);
    for (int i = 0; i < pieces; ++i) {
        const std::size_t at = dice() % (bytes - 3000);
        const std::string text = pattern(3000, unsigned(i));
        w.write(a, handle, at, text);
        expected.replace(at, text.size(), text);
        if (i % 20 == 19) w.run(a->fsync(handle));
    }
    w.run(a->fsync(handle));
    return expected;
}

}  // namespace

TEST_CASE("small random reads fetch at most 40 bytes for each byte asked for") {
    for (const bool compressible : {true, false}) {
        Cold f(compressible ? pattern(file_bytes) : noise(file_bytes, 1));
        std::mt19937_64 dice(1);
        const auto before = f.fetched();
        for (int i = 0; i < 50; ++i)
            CHECK(f.reads_right(dice() % (file_bytes / 4096) * 4096, 4096));
        CHECK(f.fetched() - before <= 40 * 50 * 4096);
        CHECK(f.w.store.gets <= 50);
    }
}

TEST_CASE("a file that is read in order comes with few requests, each byte once") {
    for (const bool compressible : {true, false}) {
        Cold f(compressible ? pattern(file_bytes) : noise(file_bytes, 1));
        for (std::size_t at = 0; at < file_bytes; at += 128 << 10)
            CHECK(f.reads_right(at, 128 << 10));
        CHECK(f.w.store.gets <= 24);
        CHECK(f.fetched() <= file_bytes + file_bytes / 100);
    }
}

TEST_CASE("files of older programs, in whole frames, are read, overwritten and compacted") {
    World w;
    Peer& a = w.mount();
    const Ino ino = w.create(a, "f").node.attr.ino;
    w.unmount(a);
    std::string data = pattern(200'000) + noise(56'000, 1);
    const Buffer stored = block::whole_frame({.ino = ino}, data, wire::Compression::lz4);
    w.run(w.store.put(block::segment_key("v", 999), {stored}));
    wire::Commit commit{.segments = {{999, stored.size()}}};
    commit.inodes.push_back({.ino = ino, .size = data.size()});
    commit.inodes[0].extents.push_back({.len = std::uint32_t(data.size()),
                                        .segment = 999,
                                        .stored = std::uint32_t(stored.size()),
                                        .check = block::check_of(stored)});
    REQUIRE(w.volume->apply(0, commit)->errors[0] == 0);

    Peer& b = w.mount();
    const Opened file = w.open(b, "f");
    CHECK(w.read(b, file.handle, 199'990, 20) == data.substr(199'990, 20));
    CHECK(w.read(b, file.handle) == data);
    for (std::size_t i = 0; i < 20; ++i) {
        w.write(b, file.handle, i * 10'000, "new");
        data.replace(i * 10'000, 3, "new");
        w.run(b->fsync(file.handle));
    }
    CHECK(w.read(b, file.handle) == data);
    w.run(static_cast<CachingFilesystem&>(*b.client).compactor().run_all());
    CHECK(w.volume->read(wire::Extents{ino, 0, 1})->extents.size() == 1);
    CHECK(w.read_after(b, "f") == data);
}

TEST_CASE("reads of many small frames end right with little memory, however many at once") {
    World w({.memory = 3 << 20, .dirty = 1 << 20});
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    const std::string expected = scatter(w, a, file.handle, 256 << 10, 200);
    w.unmount(a);
    Peer& b = w.mount();
    const Opened again = w.open(b, "f");
    const Opened other = w.create(b, "g");

    int right = 0;
    std::vector<Task<void>> tasks;
    const auto read_all = [](Filesystem& fs, HandleId handle, const std::string& all,
                             int& count) -> Task<void> {
        std::string text;
        {
            const auto pieces = co_await fs.read(handle, 0, all.size());
            for (const Buffer& piece : pieces) text += piece.text();
        }
        count += text == all;
    };
    const auto write_some = [](Filesystem& fs, HandleId handle, int n) -> Task<void> {
        for (int i = 0; i < 20; ++i)
            co_await fs.write(handle, std::uint64_t(n * 20 + i) * 50'000,
                              Buffer::copy_of(noise(50'000, unsigned(i))), false, false);
    };
    for (int i = 0; i < 12; ++i)
        tasks.push_back(read_all(*b.client, again.handle, expected, right));
    for (int i = 0; i < 4; ++i) tasks.push_back(write_some(*b.client, other.handle, i));
    tasks.push_back(static_cast<CachingFilesystem&>(*b.client).compactor().run_all());
    const auto done = w.loop.run(task::all(std::move(tasks)));
    CHECK((done || done.error().code == ENOBUFS));
    CHECK(right == 12);
}

TEST_CASE("a compaction without memory gives way, and is done when there is some") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    const std::string expected = scatter(w, a, file.handle, 256 << 10, 100);
    Compactor& compactor = static_cast<CachingFilesystem&>(*a.client).compactor();
    REQUIRE(compactor.waiting() == 1);
    auto held = a.budget.try_take(a.budget.limit() - a.budget.used());
    if (!held) held = a.budget.claim(a.budget.limit());

    CHECK(w.code(compactor.run_all()) == ENOBUFS);
    CHECK(compactor.waiting() == 1);
    held.reset();
    w.run(compactor.run_all());
    CHECK(compactor.waiting() == 0);
    CHECK(w.read_after(a, "f") == expected);
}

TEST_CASE("damage of one chunk is EIO for its bytes, and no others") {
    Cold f(noise(file_bytes, 2));
    const auto rows = f.w.volume->read(wire::Extents{f.file.node.attr.ino, 0, 1})->extents;
    const std::string key = block::segment_key("v", rows[0].segment);
    std::string bytes(f.w.run(f.w.store.get(key)).text());
    bytes[rows[0].pos + 48 + 64 * 12 + 10 * (block::chunk_bytes + 12) + 5] ^= 1;
    f.w.run(f.w.store.put(key, {Buffer::take(std::move(bytes))}));

    const std::uint64_t bad = 10 * block::chunk_bytes;
    CHECK(f.w.code(f.peer->client->read(f.file.handle, bad + 4096, 4096)) == EIO);
    CHECK(f.reads_right(bad - 4096, 4096));
    CHECK(f.reads_right(bad + block::chunk_bytes, 300'000));
}

}  // namespace flexfs::vfs
