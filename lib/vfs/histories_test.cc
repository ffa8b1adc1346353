// Seeded histories: several clients over a network that delays and cuts, and a server that is
// killed and started again, beside a model that is a map from names to bytes.
//
// Every operation is awaited before the next one on the same files begins, so each has exactly one
// right outcome, whatever happens to its connection. Operations on different files run at the same
// time. FLEXFS_HISTORIES is the number of histories, FLEXFS_TEST_SEED the seed of the first one.
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "lib/base/format.h"
#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t names = 5;
constexpr std::uint64_t size_max = 600'000;

class History {
public:
    History(std::uint64_t seed, int clients, int steps)
        : dice_(seed), steps_(steps), world_(setup(seed)) {
        for (int i = 0; i < clients; ++i) peers_.push_back(&world_.mount());
        world_.relay->faults = {.delay_max = roll(2) ? Duration(300us) : Duration::zero(),
                                .cut_one_in = unsigned(roll(2) ? 40 + roll(100) : 0),
                                .hold_max = roll(3) == 0 ? Duration(3ms) : Duration::zero()};
    }

    void play() {
        for (int step = 0; step < steps_ && wrong_.empty(); ++step) {
            if (roll(12) == 0) restart_server();
            Scope together;
            std::set<std::string> used;
            for (std::uint64_t i = 1 + roll(3); i > 0; --i) start_one(together, used);
            settle(together);
        }
        if (wrong_.empty()) compare_all();
        for (const std::string& line : story_)
            if (!wrong_.empty()) MESSAGE(line);
        CHECK_MESSAGE(wrong_.empty(), wrong_);
        world_.relay->faults = {};
    }

private:
    using Model = std::map<std::string, std::string>;

    static Setup setup(std::uint64_t seed) {
        return {.transport = Transport::tcp, .lease = 5s, .relay_seed = seed};
    }
    std::uint64_t roll(std::uint64_t below) { return dice_() % below; }
    Peer& any() { return *peers_[roll(peers_.size())]; }
    std::string name() { return std::string(1, char('a' + roll(names))); }

    void restart_server() {
        story_.push_back("the server is killed");
        world_.kill_server();
        world_.start();
    }
    // Pushes in flight arrive within one network delay; until then an old answer is right.
    void settle(Scope& together) {
        const auto joined = world_.loop.run(together.join());
        if (!joined) wrong_ = "an operation failed: " + joined.error().message();
        world_.let_pushes_arrive();
    }
    void tell(const Peer& peer, std::string what) {
        const auto who = std::ranges::find(peers_, &peer) - peers_.begin();
        story_.push_back(fmt::format("client {}: {}", who, what));
    }

    void start_one(Scope& together, std::set<std::string>& used) {
        Peer& peer = any();
        const std::string at = name(), to = name();
        const auto kind = roll(100);
        if (!used.insert(at).second) return;
        if (kind < 15 && to != at) {
            if (!used.insert(to).second) return;
            tell(peer, fmt::format("rename {} {}", at, to));
            together.start(rename(peer, at, to));
        } else if (kind < 22) {
            tell(peer, "unlink " + at);
            together.start(unlink(peer, at));
        } else if (kind < 35) {
            const std::uint64_t size = roll(roll(2) ? size_max : 5000);
            tell(peer, fmt::format("truncate {} {}", at, size));
            together.start(truncate(peer, at, size));
        } else if (kind < 50) {
            const std::string text = some_bytes();
            tell(peer, fmt::format("append {} {}", at, text.size()));
            together.start(write(peer, at, std::nullopt, text));
        } else if (kind < 75) {
            const std::uint64_t offset = roll(roll(2) ? size_max / 2 : 5000);
            const std::string text = some_bytes();
            tell(peer, fmt::format("write {} {} {}", at, offset, text.size()));
            together.start(write(peer, at, offset, text));
        } else {
            tell(peer, "read " + at);
            together.start(compare(peer, at));
        }
    }
    std::string some_bytes() {
        return pattern(1 + roll(roll(4) ? 3000 : 100'000), unsigned(roll(1000)));
    }

    // Returns the file's inode, or 0, and checks that the model agrees.
    Task<Ino> find(Peer& peer, std::string at) {
        const auto known = co_await result(peer->lookup(wire::root_ino, at));
        if (!known && known.error().code != ENOENT) co_await fail(known.error());
        const bool expected = model_.contains(at);
        if (known.has_value() != expected)
            wrong_ = fmt::format("{} is {}there", at, expected ? "not " : "");
        co_return known ? known->attr.ino : 0;
    }
    Task<void> write(Peer& peer, std::string at, std::optional<std::uint64_t> offset,
                     std::string text) {
        const int append = offset ? 0 : O_APPEND;
        const Opened file =
            co_await peer->create(wire::root_ino, at, 0644, O_RDWR | O_CREAT | append, Who{});
        const auto written = co_await result(
            peer->write(file.handle, offset.value_or(0), Buffer::copy_of(text), false, false));
        if (written && roll(6) == 0) co_await result(peer->fsync(file.handle));
        const auto flushed = co_await result(peer->flush(file.handle));
        peer->release(file.handle);
        if (!written) co_await fail(written.error());
        if (!flushed) co_await fail(flushed.error());
        std::string& bytes = model_[at];
        const std::size_t where = offset.value_or(bytes.size());
        bytes.resize(std::max(bytes.size(), where + text.size()));
        bytes.replace(where, text.size(), text);
    }
    Task<void> truncate(Peer& peer, std::string at, std::uint64_t size) {
        const Ino ino = co_await find(peer, at);
        if (ino == 0) co_return;
        co_await world_.set_size(peer, ino, size);
        model_[at].resize(size);
    }
    Task<void> rename(Peer& peer, std::string from, std::string to) {
        const auto done =
            co_await result(peer->rename(wire::root_ino, from, wire::root_ino, to, 0));
        const bool expected = model_.contains(from);
        if (!done && done.error().code != ENOENT) co_await fail(done.error());
        if (done.has_value() != expected)
            wrong_ = fmt::format("rename {} {}: {}", from, to, done ? "done" : "ENOENT");
        if (!expected) co_return;
        model_[to] = model_[from];
        model_.erase(from);
    }
    Task<void> unlink(Peer& peer, std::string at) {
        const auto done = co_await result(peer->unlink(wire::root_ino, at));
        if (!done && done.error().code != ENOENT) co_await fail(done.error());
        if (done.has_value() != (model_.erase(at) > 0))
            wrong_ = fmt::format("unlink {}: {}", at, done ? "done" : "ENOENT");
    }
    Task<void> compare(Peer& peer, std::string at) {
        const Ino ino = co_await find(peer, at);
        if (ino == 0 || !model_.contains(at)) co_return;
        const Opened file = co_await peer->open(ino, O_RDONLY);
        const auto pieces = co_await result(peer->read(file.handle, 0, 2 * size_max));
        peer->release(file.handle);
        if (!pieces) co_await fail(pieces.error());
        std::string got;
        for (const Buffer& piece : *pieces) got += piece.text();
        const std::string& expected = model_[at];
        if (got == expected) co_return;
        const auto differs = std::ranges::mismatch(got, expected).in1 - got.begin();
        wrong_ = fmt::format("{} has {} bytes for {}, and others from {} on", at, got.size(),
                             expected.size(), differs);
    }
    void compare_all() {
        for (Peer* peer : peers_)
            for (std::size_t i = 0; i < names && wrong_.empty(); ++i) {
                Scope one;
                one.start(compare(*peer, std::string(1, char('a' + i))));
                settle(one);
            }
    }

    std::mt19937_64 dice_;
    int steps_;
    World world_;
    std::vector<Peer*> peers_;
    Model model_;
    std::vector<std::string> story_;
    std::string wrong_;
};

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* given = std::getenv(variable);
    return given ? std::strtoull(given, nullptr, 10) : otherwise;
}

}  // namespace

TEST_CASE("several clients over a bad network leave what one program would have left") {
    const std::uint64_t first = number_from("FLEXFS_TEST_SEED", std::random_device()());
    const std::uint64_t count = number_from("FLEXFS_HISTORIES", 24);
    MESSAGE("seeds from ", first);
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        CAPTURE(seed);
        History(seed, seed % 2 ? 2 : 4, 30).play();
    }
}

}  // namespace flexfs::vfs
