// Random writes, reads, truncations, flushes and new mounts beside a plain array of bytes.
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
    std::vector<std::string> story;  // what was done

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
    // Mostly small, sometimes whole blocks, sometimes past the end.
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
    void read() {
        At& at = any();
        const std::uint64_t offset = roll(size_max);
        const std::size_t size = some_size();
        const std::string got = w.read(*at.peer, at.handle, offset, size);
        const std::string expected = offset < bytes.size() ? bytes.substr(offset, size) : "";
        tell("read", at.peer, offset, size);
        compare(got, expected, offset);
    }
    // With a fault it may say so; the bytes stay, and can be written back later.
    void fsync(bool fault) {
        At& at = any();
        if (fault) w.store.fail_put = 1;
        tell(fault ? "bad fsync" : "fsync", at.peer, 0, 0);
        const int code = w.code((*at.peer)->fsync(at.handle, false));
        REQUIRE((code == 0 || (fault && code == EIO)));
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
        if (kind < 45) m.write();
        else if (kind < 75) m.read();
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
}

}  // namespace

TEST_CASE("a file written by two clients at random is what an array of bytes would be") {
    const char* given = std::getenv("FLEXFS_TEST_SEED");
    const std::uint64_t first = given ? std::strtoull(given, nullptr, 10) : std::random_device()();
    for (std::uint64_t seed = first; seed < first + 6; ++seed) {
        MESSAGE("seed ", seed);
        run(seed, 150, {.dirty = seed % 2 ? std::uint64_t{2} << 20 : std::uint64_t{16} << 20});
    }
}

}  // namespace flexfs::vfs
