// Tests of the background work on stored segments: deleting and repacking.
#include "lib/upkeep/housekeeper.h"

#include <fcntl.h>

#include "lib/upkeep/fixture_test.h"

namespace flexfs::upkeep {
namespace {

using service::Story;

TEST_CASE("a dead segment is deleted from the store, after a sync of what made it garbage") {
    Fixture f;
    Client& a = f.open_session("a", true);
    const Ino ino = f.create(a, "x");
    const wire::SegmentId id = f.write_segment(a, ino, 0);
    f.ask(a, wire::Unlink{1, "x", ++f.now});
    f.ask(a, wire::Release{{ino}});
    const std::uint64_t syncs = f.service->counters().syncs;
    std::uint64_t syncs_then = 0;
    f.store.on_remove = [&](const std::string&) { syncs_then = f.service->counters().syncs; };

    REQUIRE(f.upkeep());

    CHECK_FALSE(f.stored(id));
    CHECK(syncs_then == syncs + 1);
    CHECK(f.housekeeper->counters().segments_deleted == 1);
}

TEST_CASE("a segment is deleted no sooner than its delay after its death") {
    Fixture f;
    f.stop();
    f.start({.garbage_delay = Duration(1000), .clock = [&f] { return f.now; }});
    Client& a = f.open_session("a", true);
    const Ino ino = f.create(a, "x");
    const wire::SegmentId id = f.write_segment(a, ino, 0);
    f.ask(a, wire::SetAttr{.ino = ino, .mask = wire::set_size, .now = ++f.now});

    f.now += 999;
    REQUIRE(f.upkeep());
    CHECK(f.stored(id));
    f.now += 1;
    REQUIRE(f.upkeep());
    CHECK_FALSE(f.stored(id));
}

TEST_CASE("segments that cannot be deleted now are deleted later") {
    Fixture f;
    Client& a = f.open_session("a", true);
    const Ino ino = f.create(a, "x");
    const wire::SegmentId id = f.write_segment(a, ino, 0);
    f.ask(a, wire::SetAttr{.ino = ino, .mask = wire::set_size, .now = ++f.now});

    f.store.removes_fail = true;
    CHECK_FALSE(f.upkeep());
    CHECK(f.stored(id));
    f.store.removes_fail = false;
    REQUIRE(f.upkeep());

    CHECK_FALSE(f.stored(id));
}

TEST_CASE("segments that a killed process stored and did not commit are deleted") {
    Fixture f;
    Client& a = f.open_session("a", true);
    const Ino ino = f.create(a, "x");
    const wire::SegmentId committed = f.write_segment(a, ino, 0);
    const wire::SegmentId lost = f.ask(a, wire::ReserveSegments{3}).first;
    f.put(lost + 1);

    // Its session is still in the database.
    f.restart();
    REQUIRE(f.upkeep());

    CHECK(f.stored(committed));
    CHECK_FALSE(f.stored(lost + 1));
    Client& b = f.open_session("b", true);
    CHECK(f.ask(b, wire::Extents{.ino = ino, .count = 1}).extents.size() == 1);
}

TEST_CASE("a segment with live bytes stays") {
    Fixture f;
    Client& a = f.open_session("a", true);
    const Ino ino = f.create(a, "x");
    const wire::SegmentId id = f.write_segment(a, ino, 0);

    REQUIRE(f.upkeep());

    CHECK(f.stored(id));
}

TEST_CASE("a segment that is mostly dead is rewritten, and reads as before") {
    Fixture f({.repack_age = Duration::zero()});
    Client& a = f.open_session("a", true);
    Shared shared(f, a);
    shared.truncate(f, a, 1);
    f.take_story();

    REQUIRE(f.upkeep());

    CHECK(f.housekeeper->counters().segments_repacked == 1);
    CHECK_FALSE(f.stored(shared.segment));
    const auto list = f.ask(a, wire::Extents{.ino = shared.files[0], .count = 1});
    REQUIRE(list.extents.size() == 1);
    const wire::Extent& extent = list.extents[0];
    CHECK(extent.segment != shared.segment);
    const auto stored = f.loop.run(f.store.get(f.key(extent.segment), extent.pos, extent.stored));
    CHECK(block::decode_frame(*stored, extent.check)->text() == shared.data);
    CHECK(f.take_story() == Story{fmt::format("a: revoke {} data", shared.files[0])});
}

TEST_CASE("a segment that cannot be read stays and does not count, and others are rewritten") {
    Fixture f({.repack_below = 0.9, .repack_age = Duration::zero()});
    Client& a = f.open_session("a", true);
    Shared shared(f, a);
    shared.truncate(f, a, 1);
    const wire::SegmentId damaged = f.write_segment(a, f.create(a, "x"), 0);

    REQUIRE(f.upkeep());

    CHECK(f.housekeeper->counters().segments_repacked == 1);
    CHECK_FALSE(f.stored(shared.segment));
    CHECK(f.stored(damaged));
}

TEST_CASE("a frame that several rows lead to stays for as long as one of them does") {
    Fixture f({.repack_age = Duration::zero()});
    Client& a = f.open_session("a", true);
    Shared shared(f, a);
    const Ino copy = f.create(a, "copy");
    f.ask(a,
          wire::CopyRange{.from = shared.files[0], .ino = copy, .length = 10000, .now = ++f.now});
    shared.truncate(f, a, 0);

    // The segment's footer does not name the copy, so the segment is not rewritten.
    REQUIRE(f.upkeep());
    CHECK(f.housekeeper->counters().segments_repacked == 0);
    REQUIRE(f.stored(shared.segment));
    const auto list = f.ask(a, wire::Extents{.ino = copy, .count = 1});
    REQUIRE(list.extents.size() == 1);
    CHECK(list.extents[0].segment == shared.segment);

    f.ask(a, wire::SetAttr{.ino = copy, .mask = wire::set_size, .now = ++f.now});
    REQUIRE(f.upkeep());
    CHECK_FALSE(f.stored(shared.segment));
}

TEST_CASE("both parts of a frame that a hole has split are rewritten as one") {
    // Each row counts its whole frame as live.
    Fixture f({.repack_below = 0.4, .repack_age = Duration::zero()});
    Client& a = f.open_session("a", true);
    Shared shared(f, a);
    f.ask(a, wire::Allocate{.ino = shared.files[0],
                            .mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                            .offset = 4000,
                            .length = 1000,
                            .now = ++f.now});
    shared.truncate(f, a, 1);

    REQUIRE(f.upkeep());

    CHECK(f.housekeeper->counters().segments_repacked == 1);
    const auto rows = f.ask(a, wire::Extents{.ino = shared.files[0], .count = 1}).extents;
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].segment != shared.segment);
    CHECK(rows[0].pos == rows[1].pos);
    CHECK(rows[1].skip == 5000);
}

TEST_CASE("a segment of which enough is alive is left alone") {
    Fixture f({.repack_age = Duration::zero()});
    Client& a = f.open_session("a", true);
    Shared shared(f, a);
    shared.truncate(f, a, 3);

    REQUIRE(f.upkeep());

    CHECK(f.housekeeper->counters().segments_repacked == 0);
    CHECK(f.stored(shared.segment));
}

TEST_CASE("a frame that is damaged in the store is not copied over the only good one") {
    Fixture f({.repack_age = Duration::zero()});
    Client& a = f.open_session("a", true);
    Shared shared(f, a);
    shared.truncate(f, a, 1);
    f.store.spoils = true;

    REQUIRE(f.upkeep());

    CHECK(f.housekeeper->counters().segments_repacked == 0);
    CHECK(f.stored(shared.segment));
}

TEST_CASE("a segment is repacked when the store is back, without a restart") {
    Fixture f({.repack_age = Duration::zero(),
               .retry_first = std::chrono::milliseconds(1),
               .retry_last = std::chrono::milliseconds(2)});
    Client& a = f.open_session("a", true);
    Shared shared(f, a);
    shared.truncate(f, a, 1);

    f.store.gets_fail = true;
    REQUIRE(f.upkeep());
    CHECK(f.housekeeper->counters().segments_repacked == 0);
    f.store.gets_fail = false;
    while (f.housekeeper->counters().segments_repacked == 0) {
        f.turn();
        REQUIRE(f.upkeep());
    }
    CHECK_FALSE(f.stored(shared.segment));
}

TEST_CASE("a damaged segment is left alone for long, and then looked at again") {
    Fixture f({.repack_age = Duration::zero(),
               .retry_first = Duration::zero(),
               .hopeless = std::chrono::milliseconds(30)});
    Client& a = f.open_session("a", true);
    Shared shared(f, a);
    shared.truncate(f, a, 1);
    f.store.spoils = true;
    REQUIRE(f.upkeep());
    f.store.spoils = false;

    const Duration began = f.loop.now();
    while (f.housekeeper->counters().segments_repacked == 0) {
        f.turn();
        REQUIRE(f.upkeep());
    }
    CHECK(f.loop.now() - began >= std::chrono::milliseconds(20));
}

}  // namespace
}  // namespace flexfs::upkeep
