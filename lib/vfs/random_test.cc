// Random writes, reads, truncations, holes, copies, flushes and new mounts beside a plain array of
// bytes.
#include <chrono>
#include <cstdlib>
#include <random>

#include "lib/base/format.h"
#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {
namespace {

constexpr std::uint64_t size_max = 3 << 20;

struct Model {
    World& w;
    std::mt19937_64 dice;
    std::vector<Peer*> peers;
    struct At {
        Peer* peer;
        HandleId handle;
    };
    std::vector<At> handles;
    Ino ino = 0;
    std::string bytes;
    std::vector<std::string> story;  // the operations so far

    void tell(std::string what, const Peer* peer, std::uint64_t offset, std::uint64_t size) {
        const auto who = std::ranges::find(peers, peer) - peers.begin();
        story.push_back(fmt::format("{} by {}: {} + {}", what, who, offset, size));
    }
    void compare(const std::string& got, const std::string& expected, std::uint64_t offset) {
        if (got == expected) return;
        for (const std::string& line : story) MESSAGE(line);
        const auto differs = std::ranges::mismatch(got, expected).in1 - got.begin();
        FAIL("bytes ", got.size(), " for ", expected.size(), ", other from ",
             offset + std::uint64_t(differs));
    }
    std::uint64_t roll(std::uint64_t below) { return dice() % below; }
    At& any() { return handles[roll(handles.size())]; }

    void open_all() {
        peers.clear();
        handles.clear();
        for (int i = 0; i < 2; ++i) peers.push_back(&w.mount());
        for (int i = 0; i < 4; ++i) {
            Peer* peer = peers[i % peers.size()];
            handles.push_back({peer, w.run((*peer)->open(ino, O_RDWR)).handle});
        }
    }
    // Returns mostly small offsets, sometimes one of a later block or beyond the end.
    std::uint64_t some_offset() {
        if (roll(4) == 0) return bytes.size();
        return roll(roll(2) ? size_max : std::min<std::uint64_t>(bytes.size() + 1, 20'000));
    }
    std::size_t some_size() {
        const std::size_t most[] = {16, 5000, 70'000, 600'000};
        return 1 + roll(most[roll(4)]);
    }
    void write() {
        const std::uint64_t offset = some_offset();
        const std::size_t size =
            std::min<std::size_t>(some_size(), size_max - std::min(offset, size_max - 1));
        const std::string text = pattern(size, unsigned(roll(1000)));
        At& at = any();
        tell("write", at.peer, offset, size);
        w.write(*at.peer, at.handle, offset, text);
        if (bytes.size() < offset + size) bytes.resize(offset + size);
        bytes.replace(offset, size, text);
    }
    void truncate() {
        const std::uint64_t size = roll(3) == 0 ? roll(10'000) : roll(size_max);
        Peer* peer = peers[roll(peers.size())];
        tell("truncate", peer, size, 0);
        w.run(w.set_size(*peer, ino, size));
        bytes.resize(size);
    }
    void punch() {
        const std::uint64_t offset = some_offset(), size = some_size();
        const bool grows = roll(3) == 0;
        At& at = any();
        tell(grows ? "zero" : "punch", at.peer, offset, size);
        const std::uint32_t mode =
            grows ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
        w.run((*at.peer)->allocate(at.handle, mode, offset, size, false));
        if (grows && bytes.size() < offset + size) bytes.resize(offset + size);
        for (std::uint64_t i = offset; i < std::min(offset + size, bytes.size()); ++i) bytes[i] = 0;
    }
    void keep_room() {
        const std::uint64_t offset = some_offset(), size = some_size();
        const bool grows = roll(2) == 0;
        At& at = any();
        tell(grows ? "fallocate" : "fallocate and keep size", at.peer, offset, size);
        const std::uint32_t mode = grows ? 0 : FALLOC_FL_KEEP_SIZE;
        w.run((*at.peer)->allocate(at.handle, mode, offset, size, false));
        if (grows && bytes.size() < offset + size) bytes.resize(offset + size);
    }
    // A punched hole without KEEP_SIZE is refused: the file stays as it was.
    void refused() {
        const std::uint64_t offset = some_offset(), size = some_size();
        At& at = any();
        tell("refused", at.peer, offset, size);
        auto made = (*at.peer)->allocate(at.handle, FALLOC_FL_PUNCH_HOLE, offset, size, false);
        REQUIRE(w.code(std::move(made)) == EOPNOTSUPP);
    }
    // Copies from elsewhere in the same file.
    void copy() {
        At& at = any();
        const std::uint64_t from = roll(bytes.size() + 1), offset = some_offset();
        const std::uint64_t apart = from < offset ? offset - from : from - offset;
        const std::uint64_t size = std::min<std::uint64_t>(some_size(), apart);
        tell(fmt::format("copy from {}", from), at.peer, offset, size);
        const std::string text = bytes.substr(from, size);
        const auto done = w.run((*at.peer)->copy(at.handle, from, at.handle, offset, size, false));
        REQUIRE(done == text.size());
        if (text.empty()) return;
        if (bytes.size() < offset + text.size()) bytes.resize(offset + text.size());
        bytes.replace(offset, text.size(), text);
    }
    // A range that is reported as a hole has no bytes.
    void seek() {
        At& at = any();
        std::uint64_t offset = 0;
        tell("seek", at.peer, 0, 0);
        while (offset < bytes.size()) {
            const auto data = w.loop.run((*at.peer)->seek(at.handle, offset, true));
            REQUIRE((data || data.error().code == ENXIO));
            const std::uint64_t end = data ? *data : bytes.size();
            compare(bytes.substr(offset, end - offset), std::string(end - offset, '\0'), offset);
            if (!data) return;
            offset = w.run((*at.peer)->seek(at.handle, *data, false));
            REQUIRE(offset > *data);
        }
    }
    void read() {
        At& at = any();
        const std::uint64_t offset = roll(size_max);
        const std::size_t size = some_size();
        const std::string got = w.read(*at.peer, at.handle, offset, size);
        const std::string expected = offset < bytes.size() ? bytes.substr(offset, size) : "";
        tell("read", at.peer, offset, size);
        compare(got, expected, offset);
    }
    // With a fault it may fail; the data stays, and can be written back later.
    void fsync(bool fault) {
        At& at = any();
        if (fault) w.store.fail_put = 1;
        tell(fault ? "bad fsync" : "fsync", at.peer, 0, 0);
        const int code = w.code((*at.peer)->fsync(at.handle));
        REQUIRE((code == 0 || (fault && code == EIO)));
        if (code == 0) REQUIRE((*at.peer)->state().dirty_bytes == 0);
        w.store.fail_put = 0;
    }
    void check_all() {
        At& at = any();
        tell("check", at.peer, 0, bytes.size());
        compare(w.read(*at.peer, at.handle, 0, 2 * size_max), bytes, 0);
        REQUIRE(w.run((*at.peer)->getattr(ino)).attr.size == bytes.size());
    }
};

void run(std::uint64_t seed, int steps, Setup setup) {
    CAPTURE(seed);
    World w(setup);
    Model m{w, std::mt19937_64(seed), {}, {}, 0, {}};
    {
        Peer& maker = w.mount();
        m.ino = w.create(maker, "f").node.attr.ino;
        w.unmount(maker);
    }
    m.open_all();
    for (int step = 0; step < steps; ++step) {
        CAPTURE(step);
        const auto kind = m.roll(100);
        if (kind < 37) m.write();
        else if (kind < 60) m.read();
        else if (kind < 65) m.punch();
        else if (kind < 67) m.keep_room();
        else if (kind < 68) m.refused();
        else if (kind < 74) m.copy();
        else if (kind < 77) m.seek();
        else if (kind < 83) m.truncate();
        else if (kind < 92) m.fsync(false);
        else if (kind < 94) m.fsync(setup.dirty > 4 << 20);
        else if (kind < 98) m.check_all();
        else {
            m.story.push_back("new mounts");
            for (Peer* peer : m.peers) w.unmount(*peer);
            m.open_all();
            m.check_all();
        }
    }
    m.check_all();
    for (Peer* peer : m.peers) w.run((*peer)->flush_all());
    const std::uint64_t used = w.volume->read(wire::GetAttr{m.ino}).value().attr.used;
    for (Peer* peer : m.peers) CHECK(w.run((*peer)->getattr(m.ino)).attr.used == used);
}

}  // namespace

EVERYWHERE("a file written by two clients at random is what an array of bytes would be") {
    const char* given = std::getenv("FLEXFS_TEST_SEED");
    const std::uint64_t first = given ? std::strtoull(given, nullptr, 10) : std::random_device()();
    for (std::uint64_t seed = first; seed < first + 6; ++seed) {
        MESSAGE("seed ", seed);
        run(seed, 150, {.dirty = seed % 2 ? std::uint64_t{2} << 20 : std::uint64_t{16} << 20});
    }
}

}  // namespace flexfs::vfs
