// Tests of what clients may still know after a power cut of the server.
#include <set>

#include "lib/service/disk_test.h"
#include "lib/service/journal_log.h"

namespace flexfs::service {
namespace {

std::uint64_t version_of(Fixture& f, Client& client, Ino ino) {
    return f.ask(client, wire::Open{.ino = ino}).inline_version;
}

}  // namespace

TEST_CASE("numbers that clients know from before a power cut never mean anything else") {
    Fixture f({.log_settle = std::chrono::hours(1)});
    Disk disk(f.folder);
    std::set<Ino> known;
    std::set<std::uint64_t> versions;
    for (int round = 0; round < 4; ++round) {
        CAPTURE(round);
        Client& a = f.open_session("a", true);
        if (round == 0) f.create(a, "kept");
        const Ino kept = f.ask(a, wire::Lookup{1, "kept"}).attr.ino;
        f.ask(a, wire::Sync{});
        for (int i = 0; i < 3; ++i) {
            f.write(a, kept, fmt::format("{}", round));
            CHECK(versions.insert(version_of(f, a, kept)).second);
            CHECK(known.insert(f.create(a, fmt::format("{}.{}", round, i))).second);
        }

        disk.cut_power(f);
        CHECK(f.volume->read(wire::StatFs{}).value().inodes == 2);
    }
}

TEST_CASE("the disk of these tests sees the syncs that SQLite makes") {
    Fixture f({.log_settle = std::chrono::hours(1)});
    const Disk disk(f.folder);
    f.create(f.open_session("a", true), "x");
    REQUIRE(f.loop.run(f.service->maintain()));
    CHECK(disk.syncs("meta.db-wal") > 0);
    CHECK(disk.syncs("meta.db") > 0);
}

TEST_CASE("a volume that was closed or handed over continues with the next number") {
    Fixture f({.log_settle = std::chrono::hours(1)});
    const Ino first = f.create(f.open_session("a", true), "x");
    f.restart();
    CHECK(f.create(f.open_session("b", true), "y") == first + 1);

    const std::filesystem::path kept = f.folder + "-kept";
    Disk::copy(f.folder, kept);
    f.close();
    Disk::copy(kept, f.folder);
    std::filesystem::remove_all(kept);
    f.options.handed_over = true;
    f.open();
    CHECK(f.create(f.open_session("c", true), "z") == first + 2);
}

TEST_CASE("a volume whose journal is gone after a kill was not closed") {
    for (const bool both : {false, true}) {
        CAPTURE(both);
        Fixture f({.log_settle = std::chrono::hours(1)});
        f.create(f.open_session("a", true), "x");
        const std::filesystem::path killed = f.folder + "-killed";
        Disk::copy(f.folder, killed);
        f.close();
        Disk::copy(killed, f.folder);
        std::filesystem::remove_all(killed);
        std::filesystem::remove(f.folder + "/meta.db-calls.0");
        if (both) std::filesystem::remove(f.folder + "/meta.db-calls.1");
        f.open();
        CHECK(f.volume->was_interrupted());
    }
}

TEST_CASE("changes wait for a sync before a power cut could lose too many numbers") {
    Fixture f;
    JournalLog log(f.loop, *f.volume);
    const auto skip = [&](std::uint64_t inodes) {
        const meta::Call call{.request = meta::SkipNumbers{.inodes = inodes}};
        CHECK(log.append({&call, 1}, [](const std::vector<meta::Outcome>& outcomes) {
            CHECK(outcomes.front().reply);
        }));
    };
    skip(skipped_numbers.inodes / 10);
    CHECK(log.syncs() == 0);
    skip(skipped_numbers.inodes / 5);
    CHECK(log.syncs() == 1);
    CHECK_FALSE(log.must_wait());
    skip(skipped_numbers.inodes / 4);
    CHECK(log.must_wait());

    REQUIRE(f.loop.run(log.sync()));
    CHECK_FALSE(log.must_wait());
    REQUIRE(f.loop.run(log.close()));
}

TEST_CASE("sessions are opened once numbers are skipped, also if that fails at first") {
    Fixture f({.log_settle = std::chrono::hours(1)});
    Disk disk(f.folder);
    Client& a = f.open_session("a", true);
    const Ino lost = f.create(a, "lost");
    disk.cut_power(f);
    f.volume->fail_disk(ENOSPC);
    Client& b = f.connect("b", true);
    Scope waiting;
    waiting.start(Fixture::note(b.call(wire::OpenSession{.client = "b"}), "b: open", f.story));
    for (int i = 0; i < 5; ++i) f.turn();
    CHECK(f.take_story().empty());
    f.volume->fail_disk(0);

    REQUIRE(f.loop.run(waiting.join()));
    CHECK(f.take_story() == Story{"b: open"});
    CHECK(f.create(b, "new") > lost + 1);
}

}  // namespace flexfs::service
