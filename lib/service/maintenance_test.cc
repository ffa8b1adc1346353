// Tests of background maintenance: it frees, it copies the log, and it never holds up the loop.
#include "lib/service/maintenance.h"

#include <cstdlib>

#include "lib/meta/snapshot.h"
#include "lib/service/fixture_test.h"
#include "lib/task/sync.h"

namespace flexfs::service {
namespace {

// Measures the longest time between two turns of the loop.
struct Ticker {
    Loop& loop;
    Duration longest{};
    Scope scope;

    explicit Ticker(Loop& on) : loop(on) { scope.start(tick()); }
    Task<void> tick() {
        for (Duration before = monotonic_now();;) {
            co_await loop.sleep(std::chrono::milliseconds(1));
            const Duration now = monotonic_now();
            longest = std::max(longest, now - before);
            before = now;
        }
    }
};

TEST_CASE("once changes stop, the log is copied, however short it is") {
    Fixture f({.log_settle = std::chrono::milliseconds(1)});
    Client& a = f.open_session("a", true);
    f.create(a, "x");
    task::Event copied;
    auto look = f.loop.at_turn_end([&] {
        if (f.service->counters().checkpoints > 0) copied.set();
    });

    REQUIRE(f.loop.run(copied.wait()));

    CHECK(f.volume->checkpoint()->uncopied == 0);
}

TEST_CASE("a huge file is freed in steps, in the background") {
    Fixture f({.upkeep_rows = 500, .upkeep_pause = Duration::zero()});
    Client& a = f.open_session("a", true);
    const Ino ino = f.create(a, "x");
    const wire::SegmentId id = f.ask(a, wire::ReserveSegments{1}).first;
    f.put(id);
    wire::Commit commit{.segments = {{id, 1000}}, .now = ++f.now};
    commit.inodes.push_back({.ino = ino});
    for (std::uint64_t i = 0; i < 5000; ++i)
        commit.inodes[0].extents.push_back({.idx = i, .len = 10, .segment = id, .stored = 100});
    f.ask(a, commit);

    f.ask(a, wire::SetAttr{.ino = ino, .mask = wire::set_size, .now = ++f.now});
    while (f.volume->needs_upkeep()) f.turn();

    const auto left = f.volume->segments(0, 10).value();
    REQUIRE(left.size() == 1);
    CHECK(left[0].live == 0);
}

TEST_CASE("the log is copied when it has grown, and does not grow without bound") {
    Fixture f({.log_checkpoint_bytes = 64 << 10,
               .log_truncate_bytes = 128 << 10,
               .log_bytes_max = 512 << 10});
    Client& a = f.open_session("a", true);
    std::uint64_t longest = 0;

    for (int i = 0; i < 500; ++i) {
        f.create(a, fmt::format("f{}", i));
        longest = std::max(longest, f.volume->log_bytes());
    }
    while (f.service->counters().checkpoints == 0) f.turn();

    CHECK(longest < (512 << 10) + (64 << 10));
    CHECK(f.ask(a, wire::ReadDir{.ino = 1}).entries.size() == 500);
}

TEST_CASE("a volume is opened and closed in the pool") {
    Fixture f;
    meta::Options options{.path = f.folder + "/other.db", .info = {.id = "other"}};
    auto other = f.loop.run(open_volume(f.loop, options));
    REQUIRE(other);
    REQUIRE((*other)->apply(0, wire::Make{.parent = 1, .name = "a", .mode = S_IFREG, .now = 5}));
    CHECK(code_of(f.loop.run(open_volume(f.loop, options))) == EBUSY);
    REQUIRE(f.loop.run(close_volume(f.loop, std::move(*other))));

    CHECK_FALSE(std::filesystem::exists(f.folder + "/other.db-wal"));
    auto again = f.loop.run(open_volume(f.loop, options));
    REQUIRE(again);
    CHECK((*again)->read(wire::Lookup{1, "a"}));
}

TEST_CASE("changes wait for a log that is cut, and go on when it is") {
    Fixture f({.log_checkpoint_bytes = 64 << 10,
               .log_truncate_bytes = UINT64_MAX,
               .log_bytes_max = 96 << 10});
    Client& a = f.open_session("a", true);

    for (int i = 0; i < 2000; ++i) {
        f.create(a, fmt::format("f{}", i));
        if (i % 100 == 0) REQUIRE(f.volume->commit());
    }
    CHECK(f.volume->log_bytes() < 1 << 20);
    CHECK(f.ask(a, wire::StatFs{}).inodes == 2001);
}

TEST_CASE("while somebody reads a snapshot the log grows, and changes go on") {
    Fixture f({.log_checkpoint_bytes = 64 << 10,
               .log_truncate_bytes = 128 << 10,
               .log_bytes_max = 128 << 10});
    Client& a = f.open_session("a", true);
    f.create(a, "first");
    auto snapshot = std::move(f.volume->snapshot().value());

    for (int i = 0; i < 500; ++i) {
        f.create(a, fmt::format("f{}", i));
        REQUIRE(f.volume->commit());
    }
    CHECK(snapshot->read(wire::StatFs()).value().inodes == 2);
    snapshot.reset();
}

// Creates files until the scope is cancelled. A change that was sent is waited for even then.
Task<void> keep_creating(Client& client, const Scope& scope) {
    for (int i = 0; !scope.cancelled(); ++i)
        co_await client.call(wire::Make{
            .parent = 1, .name = fmt::format("n{}", i), .mode = S_IFREG | 0644, .now = 9});
}

// A service whose log is long, longer with FLEXFS_LOG_MIB, and not copied by itself.
struct LongLog : Fixture {
    std::uint64_t bytes;
    Client* client = nullptr;

    LongLog()
        : Fixture({.log_checkpoint_bytes = UINT64_MAX,
                   .log_truncate_bytes = 1 << 20,
                   .log_bytes_max = UINT64_MAX,
                   .log_settle = std::chrono::hours(1)}) {
        const char* wanted = std::getenv("FLEXFS_LOG_MIB");
        bytes = (wanted ? std::strtoull(wanted, nullptr, 10) : 32) << 20;
        client = &open_session("a", true);
        const Buffer value = Buffer::copy_of(std::string(60'000, 'v'));
        const std::uint64_t frame_bytes = 4096 + 24;
        Ino ino = 0;
        for (int i = 0; volume->log_frames() * frame_bytes < bytes; ++i) {
            // The more attributes a file has, the longer one more takes.
            if (i % 50 == 0) ino = create(*client, fmt::format("x{}", i));
            ask(*client,
                wire::SetXattr{.ino = ino, .name = fmt::format("user.{}", i), .value = value});
        }
        REQUIRE(volume->commit());
    }
};

// If the copying ran on the loop, the loop would be held up for all that time. On a busy machine
// other processes may hold it up, too.
void check_stall(const std::string& doing, Duration took, Duration longest) {
    MESSAGE(doing << " took " << double(took.count()) / 1e6 << " ms; the loop was away for at most "
                  << double(longest.count()) / 1e6 << " ms");
    CHECK(longest < std::max<Duration>(took / 2, std::chrono::milliseconds(50)));
}

TEST_CASE("copying and cutting a long log does not hold up the loop") {
    LongLog f;

    Ticker ticker(f.loop);
    ticker.scope.start(keep_creating(*f.client, ticker.scope));
    const Duration began = monotonic_now();
    REQUIRE(f.loop.run(f.service->maintain()));
    const Duration took = monotonic_now() - began;
    REQUIRE(f.loop.run(ticker.scope.close()));
    check_stall("copying and cutting the log", took, ticker.longest);
    CHECK(f.volume->log_bytes() < f.bytes / 2);
}

TEST_CASE("copying and emptying a long log on a full disk does not hold up the loop") {
    LongLog f;
    const std::uint64_t before = f.service->counters().checkpoints;
    f.volume->fail_disk(ENOSPC);

    Ticker ticker(f.loop);
    const Duration began = monotonic_now();
    const wire::Make make{.parent = 1, .name = "y", .mode = S_IFREG | 0644, .now = 9};
    CHECK(code_of(f.call(*f.client, make)) == ENOSPC);
    const Duration took = monotonic_now() - began;
    REQUIRE(f.loop.run(ticker.scope.close()));

    check_stall("freeing space", took, ticker.longest);
    CHECK(f.service->counters().checkpoints == before + 1);
    f.volume->fail_disk(0);
    CHECK(f.ask(*f.client, make).attr.nlink == 1);
}

}  // namespace
}  // namespace flexfs::service
