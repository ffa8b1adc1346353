// No segment that holds committed bytes is removed, whichever step of the housekeeping fails or is
// cancelled, and also if the power fails afterwards.
#include "lib/service/disk_test.h"
#include "lib/upkeep/fixture_test.h"

namespace flexfs::upkeep {
namespace {

using object::Fault;
using object::faults;

// A segment that is worth repacking, and segments that are to be removed: of a truncated file, of
// an unlinked file whose session has ended, and of that session without a commit. The other session
// has put a segment that it may still commit.
struct Sweep : Fixture {
    service::Disk disk{folder};
    Client& client = open_session("a", true);
    Shared shared{*this, client};
    std::vector<wire::SegmentId> dead;
    wire::SegmentId late = 0;

    Sweep() : Fixture({.repack_age = Duration::zero()}) {
        shared.truncate(*this, client, 1);
        const Ino cut = create(client, "cut");
        dead.push_back(write_segment(client, cut, 0));
        ask(client, wire::SetAttr{.ino = cut, .mask = wire::set_size, .now = ++now});
        Client& gone = open_session("gone", true);
        const Ino orphan = create(gone, "orphan");
        dead.push_back(write_segment(gone, orphan, 0));
        ask(gone, wire::Unlink{1, "orphan", ++now});
        dead.push_back(ask(gone, wire::ReserveSegments{1}).first);
        put(dead.back());
        ask(gone, wire::CloseSession{});
        late = ask(client, wire::ReserveSegments{1}).first;
        put(late);
        ask(client, wire::Sync{});
    }

    static Task<void> keep_house(Sweep& of) {
        co_await of.service->maintain();
        co_await of.housekeeper->run();
    }
    // Runs the housekeeping until it ends, until a step stalls, or for that many turns of the loop.
    Result<void> attempt(int turns) {
        Scope scope;
        bool ended = false;
        Result<void> outcome = fail(ECANCELED);
        const auto watch = [](Task<void> work, bool& done, Result<void>& to) -> Task<void> {
            to = co_await result(std::move(work));
            done = true;
        };
        scope.start(watch(keep_house(*this), ended, outcome));
        for (int i = 0; !ended && !steps.is_stalled() && i < turns; ++i)
            static_cast<void>(loop.run(loop.sleep(Duration(1))));
        scope.cancel();
        static_cast<void>(loop.run(scope.close()));
        return outcome;
    }
    void check_readable() {
        const auto rows = volume->read(wire::Extents{.ino = shared.files[0], .count = 1});
        REQUIRE_MESSAGE(rows, rows.error().message());
        REQUIRE(rows->extents.size() == 1);
        const wire::Extent& row = rows->extents[0];
        const auto bytes = loop.run(store.get(key(row.segment), row.pos, row.stored));
        REQUIRE_MESSAGE(bytes, bytes.error().message());
        const auto frame = block::decode_frame(*bytes, row.check);
        REQUIRE(frame);
        CHECK(frame->text() == shared.data);
    }
    // Everything is readable now, after a power cut, and when the housekeeping has done its work.
    void check_all() {
        steps.nth = 0;
        volume->fail_statement(0);
        check_readable();
        CHECK(stored(late));  // until its session ends, with the process
        stop();
        disk.cut_power(*this);
        start(options_now);
        check_readable();
        REQUIRE(upkeep());
        REQUIRE(upkeep());
        check_readable();
        for (const wire::SegmentId id : dead) CHECK_FALSE(stored(id));
        CHECK_FALSE(stored(shared.segment));
    }
};

constexpr int no_end = 1'000'000;

}  // namespace

TEST_CASE("no committed byte is lost, whichever use of the store fails or is cancelled") {
    for (const Fault fault : faults) {
        for (int nth = 1;; ++nth) {
            CAPTURE(int(fault));
            CAPTURE(nth);
            Sweep w;
            w.steps.fault = fault;
            w.steps.nth = nth;
            const auto done = w.attempt(no_end);
            const bool reached = w.steps.is_reached();
            w.check_readable();
            if (!reached) {
                CHECK(done);
                CHECK(nth > 4);  // it gets a footer and frames, puts, and removes
                w.check_all();
                break;
            }
            w.check_all();
        }
    }
}

TEST_CASE("no committed byte is lost, whichever change of the metadata fails") {
    for (const int code : {EIO, ENOSPC}) {
        for (int nth = 1;; ++nth) {
            CAPTURE(code);
            CAPTURE(nth);
            Sweep w;
            w.volume->fail_statement(nth, code, 3);
            const auto done = w.attempt(no_end);
            w.check_all();
            if (done && nth > 20) break;
        }
    }
}

TEST_CASE("no committed byte is lost, whenever the housekeeping is cancelled") {
    for (int turns = 0;; turns += 1 + turns / 8) {
        CAPTURE(turns);
        Sweep w;
        const auto done = w.attempt(turns);
        w.check_all();
        if (done) break;
    }
}

TEST_CASE("no committed byte is lost, whichever sync fails") {
    for (int nth = 0;; ++nth) {
        CAPTURE(nth);
        Sweep w;
        w.disk.fail_after(nth);
        const auto done = w.attempt(no_end);
        w.check_readable();
        w.disk.fail_none();
        if (done) {
            CHECK(nth > 2);  // of the journal, the log and the database
            break;
        }
        w.check_all();
    }
}

}  // namespace flexfs::upkeep
