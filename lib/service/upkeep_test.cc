// What happens without being asked for: freeing, deleting, copying the log, repacking.
#include "lib/service/upkeep.h"

#include <fcntl.h>

#include "lib/service/fixture_test.h"

namespace flexfs::service {
namespace {

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

    REQUIRE(f.loop.run(f.service->upkeep()));

    CHECK_FALSE(f.stored(id));
    CHECK(syncs_then == syncs + 1);
    CHECK(f.service->counters().segments_deleted == 1);
}

TEST_CASE("what cannot be deleted now is deleted later") {
    Fixture f;
    Client& a = f.open_session("a", true);
    const Ino ino = f.create(a, "x");
    const wire::SegmentId id = f.write_segment(a, ino, 0);
    f.ask(a, wire::SetAttr{.ino = ino, .mask = wire::set_size, .now = ++f.now});

    f.store.removes_fail = true;
    CHECK_FALSE(f.loop.run(f.service->upkeep()));
    CHECK(f.stored(id));
    f.store.removes_fail = false;
    REQUIRE(f.loop.run(f.service->upkeep()));

    CHECK_FALSE(f.stored(id));
}

TEST_CASE("when nothing changes any more the log is copied, however short it is") {
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

TEST_CASE("a segment with live bytes stays") {
    Fixture f;
    Client& a = f.open_session("a", true);
    const Ino ino = f.create(a, "x");
    const wire::SegmentId id = f.write_segment(a, ino, 0);

    REQUIRE(f.loop.run(f.service->upkeep()));

    CHECK(f.stored(id));
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
    REQUIRE(f.loop.run(f.service->upkeep()));

    CHECK_FALSE(f.stored(id));
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

// Four files of one frame each, in one segment.
struct Shared {
    std::vector<Ino> files;
    wire::SegmentId segment = 0;
    std::string data = std::string(10000, 'd');

    Shared(Fixture& f, Client& client) {
        segment = f.ask(client, wire::ReserveSegments{1}).first;
        block::SegmentBuilder builder(segment);
        wire::Commit commit{.now = ++f.now};
        for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
            files.push_back(f.create(client, name));
            auto frame = block::encode_frame({.ino = files.back()}, {Buffer::copy_of(data)},
                                             wire::Compression::none);
            wire::InodeCommit& change = commit.inodes.emplace_back();
            change.ino = files.back();
            change.extents.push_back({.len = std::uint32_t(data.size()),
                                      .segment = segment,
                                      .stored = frame.stored,
                                      .check = frame.check,
                                      .form = wire::FrameForm::chunked,
                                      .chunks = frame.chunks});
            change.extents[0].pos = builder.add(std::move(frame));
        }
        commit.segments = {{segment, builder.bytes()}};
        REQUIRE(f.loop.run(f.store.put(f.key(segment), builder.finish())));
        f.ask(client, commit);
    }
    void truncate(Fixture& f, Client& client, std::size_t all_but) {
        for (std::size_t i = all_but; i < files.size(); ++i)
            f.ask(client, wire::SetAttr{.ino = files[i], .mask = wire::set_size, .now = ++f.now});
    }
};

TEST_CASE("a segment that is mostly dead is rewritten, and reads as before") {
    Fixture f({.repack_age = Duration::zero()});
    Client& a = f.open_session("a", true);
    Shared shared(f, a);
    shared.truncate(f, a, 1);
    f.take_story();

    REQUIRE(f.loop.run(f.service->upkeep()));

    CHECK(f.service->counters().segments_repacked == 1);
    CHECK_FALSE(f.stored(shared.segment));
    const auto list = f.ask(a, wire::Extents{.ino = shared.files[0], .count = 1});
    REQUIRE(list.extents.size() == 1);
    const wire::Extent& extent = list.extents[0];
    CHECK(extent.segment != shared.segment);
    const auto stored = f.loop.run(f.store.get(f.key(extent.segment), extent.pos, extent.stored));
    CHECK(block::decode_frame(*stored, extent.check)->text() == shared.data);
    CHECK(f.take_story() == Story{fmt::format("a: revoke {} data", shared.files[0])});
}

TEST_CASE("a frame that several rows lead to stays for as long as one of them does") {
    Fixture f({.repack_age = Duration::zero()});
    Client& a = f.open_session("a", true);
    Shared shared(f, a);
    const Ino copy = f.create(a, "copy");
    f.ask(a,
          wire::CopyRange{.from = shared.files[0], .ino = copy, .length = 10000, .now = ++f.now});
    shared.truncate(f, a, 0);

    // Its footer does not tell of the copy, so the segment is not rewritten.
    REQUIRE(f.loop.run(f.service->upkeep()));
    CHECK(f.service->counters().segments_repacked == 0);
    REQUIRE(f.stored(shared.segment));
    const auto list = f.ask(a, wire::Extents{.ino = copy, .count = 1});
    REQUIRE(list.extents.size() == 1);
    CHECK(list.extents[0].segment == shared.segment);

    f.ask(a, wire::SetAttr{.ino = copy, .mask = wire::set_size, .now = ++f.now});
    REQUIRE(f.loop.run(f.service->upkeep()));
    CHECK_FALSE(f.stored(shared.segment));
}

TEST_CASE("both parts of a frame that a hole has split are rewritten as one") {
    // Each row counts its frame as alive.
    Fixture f({.repack_below = 0.4, .repack_age = Duration::zero()});
    Client& a = f.open_session("a", true);
    Shared shared(f, a);
    f.ask(a, wire::Allocate{.ino = shared.files[0],
                            .mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                            .offset = 4000,
                            .length = 1000,
                            .now = ++f.now});
    shared.truncate(f, a, 1);

    REQUIRE(f.loop.run(f.service->upkeep()));

    CHECK(f.service->counters().segments_repacked == 1);
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

    REQUIRE(f.loop.run(f.service->upkeep()));

    CHECK(f.service->counters().segments_repacked == 0);
    CHECK(f.stored(shared.segment));
}

TEST_CASE("a frame that is damaged in the store is not copied over the only good one") {
    Fixture f({.repack_age = Duration::zero()});
    Client& a = f.open_session("a", true);
    Shared shared(f, a);
    shared.truncate(f, a, 1);
    f.store.spoils = true;

    REQUIRE(f.loop.run(f.service->upkeep()));

    CHECK(f.service->counters().segments_repacked == 0);
    CHECK(f.stored(shared.segment));
}

}  // namespace
}  // namespace flexfs::service
