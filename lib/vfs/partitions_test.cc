// Seeded histories: clients append to shared files while the network of some of them is cut for
// longer than their lease, and the server is killed now and then. In the end each record must be
// there once, whole, and in its writer's order.
//
// FLEXFS_HISTORIES is the number of histories, FLEXFS_TEST_SEED the seed of the first one.
#include <cstdlib>
#include <map>
#include <random>

#include "lib/base/format.h"
#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {
namespace {

using namespace std::chrono_literals;

constexpr Duration lease = 200ms;
constexpr int names = 2;
constexpr std::size_t sizes[] = {30, 900, 30'000};  // of a record

class Partitions {
public:
    explicit Partitions(std::uint64_t seed)
        : dice_(seed),
          world_(setup(seed)),
          aside_(world_.loop, seed),
          size_(sizes[roll(std::size(sizes))]) {
        lead_all();
        for (int i = 0; i < 3; ++i)
            peers_.push_back(i < 2 ? &world_.mount() : &world_.mount_at(aside_.address()));
        for (int i = 0; i < names; ++i) world_.create(*peers_[0], name(i));
        world_.run((*peers_[0])->flush_all());
    }

    ~Partitions() {
        for (Peer* peer : peers_) world_.unmount(*peer);
        static_cast<void>(world_.loop.run(aside_.close()));
    }

    void play() {
        Scope writers;
        for (std::size_t i = 0; i < peers_.size(); ++i)
            writers.start(append_all(*peers_[i], char('a' + i)));
        for (int faults = 2 + int(roll(3)); faults > 0; --faults) {
            pass(roll(60) * 1ms);
            if (roll(4) == 0) restart_server();
            else cut_some();
        }
        const auto joined = world_.loop.run(writers.join());
        CHECK_MESSAGE(joined, joined.error().message());
        CHECK(failures_ == 0);
        for (Peer* peer : peers_) world_.run((*peer)->flush_all());
        Peer& reader = world_.mount();
        for (int i = 0; i < names; ++i)
            check(world_.read(reader, world_.open(reader, name(i), O_RDONLY).handle), i);
    }

private:
    static Setup setup(std::uint64_t seed) {
        return {.inline_bytes = seed % 2 ? 0u : 8u << 10,
                .transport = Transport::tcp,
                .lease = lease,
                .relay_seed = seed};
    }
    static std::string name(int i) { return std::string(1, char('f' + i)); }
    std::uint64_t roll(std::uint64_t below) { return dice_() % below; }
    void pass(Duration time) { REQUIRE(world_.loop.run(world_.loop.sleep(time))); }

    void lead_all() {
        for (rpc::Relay* relay : {world_.relay.get(), &aside_})
            relay->lead_to(world_.server->addresses()[0]);
    }
    static void cut(rpc::Relay& relay) {
        relay.lead_to({});
        relay.cut_all();
    }
    // A server that is killed does not answer what is under way.
    void restart_server() {
        cut(*world_.relay);
        cut(aside_);
        world_.kill_server();
        world_.start();
        lead_all();
    }
    void cut_some() {
        cut(*world_.relay);
        pass(roll(3) ? lease + roll(150) * 1ms : roll(100) * 1ms);
        lead_all();
    }

    std::string record(char who, int number) const {
        std::string text = fmt::format("<{}{:05}", who, number);
        return text + std::string(size_ - text.size(), who);
    }
    Task<void> append_all(Peer& peer, char who) {
        std::vector<HandleId> handles;
        for (int i = 0; i < names; ++i)
            handles.push_back((co_await peer->create(wire::root_ino, name(i), 0644,
                                                     O_RDWR | O_CREAT | O_APPEND, Who{}))
                                  .handle);
        for (int n = 0; n < 40; ++n) {
            const std::size_t file = roll(names);
            const auto written = co_await result(
                peer->write(handles[file], 0, Buffer::copy_of(record(who, n)), false, false));
            if (written) written_[file][who].push_back(n);
            else fail_with("write", written.error());
            if (roll(8) == 0) {
                const auto synced = co_await result(peer->fsync(handles[file]));
                if (!synced) fail_with("fsync", synced.error());
            }
            if (roll(2)) co_await world_.loop.sleep(roll(20) * 1ms);
        }
        for (const HandleId handle : handles) peer->release(handle);
    }
    void fail_with(const char* doing, const Error& error) {
        ++failures_;
        MESSAGE(doing, ": ", error.message());
    }
    void check(const std::string& text, int file) {
        std::map<char, std::vector<int>> found;
        REQUIRE(text.size() % size_ == 0);
        for (std::size_t at = 0; at < text.size(); at += size_) {
            const char who = text[at + 1];
            const int number = std::atoi(text.substr(at + 2, 5).c_str());
            REQUIRE(text.substr(at, size_) == record(who, number));
            found[who].push_back(number);
        }
        for (auto& [who, numbers] : written_[file]) {
            CAPTURE(who);
            CHECK(fmt::format("{}", fmt::join(found[who], " ")) ==
                  fmt::format("{}", fmt::join(numbers, " ")));
        }
    }

    std::mt19937_64 dice_;
    World world_;
    rpc::Relay aside_;  // of a client whose network is not cut
    std::size_t size_;
    std::vector<Peer*> peers_;
    std::map<std::size_t, std::map<char, std::vector<int>>> written_;
    int failures_ = 0;
};

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* given = std::getenv(variable);
    return given ? std::strtoull(given, nullptr, 10) : otherwise;
}

}  // namespace

TEST_CASE("several clients over a network that is cut past their lease lose no append") {
    const std::uint64_t first = number_from("FLEXFS_TEST_SEED", std::random_device()());
    const std::uint64_t count = number_from("FLEXFS_HISTORIES", 6);
    MESSAGE("seeds from ", first);
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        CAPTURE(seed);
        Partitions(seed).play();
    }
}

}  // namespace flexfs::vfs
