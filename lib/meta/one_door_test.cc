// Every change of a volume is in its log, and an error says correctly whether the call was
// executed.
#include <unistd.h>

#include <algorithm>

#include "lib/base/durable.h"
#include "lib/meta/fixture_test.h"
#include "lib/meta/snapshot.h"

namespace flexfs::meta {
namespace {

struct Probe final : SyncProbe {
    int code = 0;
    std::vector<std::string> synced;

    Probe() { install_sync_probe(this); }
    ~Probe() override { install_sync_probe(nullptr); }
    int sync(const std::string& path) override {
        synced.push_back(path);
        return code;
    }
};

// A file with one extent, and the Commit that gives it another.
struct Writing {
    Fixture f;
    SessionId session = f.session();
    Ino ino = f.create(1, "a");
    SegmentId segment = f.volume->apply(session, wire::ReserveSegments{1}).value().first;

    wire::Commit commit() {
        wire::Commit request{.segments = {{segment, 1 << 20}}, .now = ++f.now};
        request.inodes.push_back({.ino = ino, .mtime = f.now});
        request.inodes[0].extents = {{.len = 4096, .segment = segment, .stored = 100}};
        return request;
    }
    Outcome apply(Request request, std::uint64_t sequence = 0) {
        const Call call{.session = session, .sequence = sequence, .request = std::move(request)};
        return std::move(f.volume->apply({&call, 1}).front());
    }
    bool leads_to_segment() { return !f.extents(ino).extents.empty(); }
};

}  // namespace

TEST_CASE("changes by the service itself survive a kill, as those of clients do") {
    Fixture f;
    const Ino ino = f.create(1, "a");
    f.write(ino, {0}, 4096);
    f.truncate(ino, 0);
    wire::VolumeInfo info = f.volume->info();
    info.max_inodes = 77;

    f.own(Configure{info});
    REQUIRE(f.garbage().size() == 1);
    const auto condemned_state = f.dump();
    f.crash();
    CHECK(f.volume->info().max_inodes == 77);
    CHECK(f.dump() == condemned_state);
    f.own(ForgetGarbage{f.garbage()});
    const auto forgotten = f.dump();
    f.crash();
    CHECK(f.dump() == forgotten);
    CHECK(f.garbage().empty());
}

TEST_CASE("upkeep comes to the same state whatever was committed before it") {
    const auto run = [](bool commits) {
        Fixture f;
        const SessionId early = f.session(), late = f.session();
        const Ino ino = f.create(1, "a");
        const Call unlink{.request = wire::Unlink{.parent = 1, .name = "a", .now = ++f.now},
                          .holders = {early, late}};
        CHECK(f.volume->apply({&unlink, 1}).front().reply);
        CHECK(f.exists(ino));
        if (commits) REQUIRE(f.volume->commit());
        REQUIRE(f.volume->apply(late, wire::CloseSession()));
        REQUIRE(f.volume->apply(early, wire::CloseSession()));
        if (commits) f.reopen();
        f.own(Maintain{1});
        return f.dump();
    };

    CHECK(run(true) == run(false));
}

TEST_CASE("a segment that one call uses again is not condemned by the next of the same batch") {
    Fixture f;
    const Ino ino = f.create(1, "a");
    f.write(ino, {0}, 4096);
    wire::Commit again{.segments = {{f.next_segment - 1, 16 << 20}}};
    again.inodes.push_back({.ino = ino});
    again.inodes[0].extents = f.extents(ino).extents;
    f.truncate(ino, 0);

    const std::vector<Call> batch{{.request = again},
                                  {.request = CondemnGarbage{Time(1e15), 10}},
                                  {.request = ForgetGarbage{{f.next_segment - 1}}}};
    const auto outcomes = f.volume->apply({batch.data(), 2});
    CHECK(std::get<wire::Committed>(*outcomes[0].reply).errors[0] == 0);
    CHECK(std::get<Condemned>(*outcomes[1].reply).segments.empty());
}

TEST_CASE("no client can send the service's own requests") {
    Writing w;
    for (const Request& request :
         {Request(Configure{w.f.info}), Request(CondemnGarbage{1, 1}), Request(ForgetGarbage{{1}}),
          Request(Maintain{1}), Request(SkipNumbers{1, 1})}) {
        const auto before = w.f.dump();
        CHECK(code_of(w.apply(request).reply) == EINVAL);
        CHECK(w.f.dump() == before);
    }
}

TEST_CASE("an answer that is an error is a refusal") {
    Writing w;
    const Outcome outcome = w.apply(wire::Rmdir{.parent = 1, .name = "none"}, 1);
    REQUIRE_FALSE(outcome.reply);
    CHECK(outcome.reply.error().refused);
    const Outcome again = w.apply(wire::Rmdir{.parent = 1, .name = "none"}, 1);
    CHECK(again.repeated);
    CHECK(again.reply.error().refused);
}

TEST_CASE("after any failure in a commit, a refusal means that nothing refers to its segment") {
    for (const int code : {EIO, ENOSPC}) {
        for (int nth = 1;; ++nth) {
            CAPTURE(nth);
            Writing w;
            const std::string before = w.f.dump();
            w.f.volume->fail_statement(nth, code);
            const Outcome outcome = w.apply(w.commit(), 7);
            w.f.volume->fail_statement(0);
            if (!outcome.reply) {
                CHECK(outcome.reply.error().refused);
                CHECK_FALSE(w.leads_to_segment());
                CHECK(w.f.dump() == before);
                w.f.crash();
                CHECK_FALSE(w.leads_to_segment());
                continue;
            }
            CHECK(w.leads_to_segment());
            if (code == EIO) {
                CHECK(nth > 3);
                break;
            }
            if (nth > 20) break;  // space is freed on a full disk, and then the call succeeds
        }
    }
}

TEST_CASE(
    "whatever fails once in a compaction, a refusal means that nothing leads to its segment") {
    for (int nth = 1;; ++nth) {
        CAPTURE(nth);
        Writing w;
        REQUIRE(w.apply(w.commit()).reply);
        const Outcome reserved = w.apply(wire::ReserveSegments{1});
        const SegmentId to = std::get<wire::SegmentRange>(reserved.reply.value()).first;
        wire::Compact request{.ino = w.ino, .segments = {{to, 1 << 20}}};
        request.replacement = w.f.extents(w.ino).extents;
        request.expected = {request.replacement[0].seq};
        request.replacement[0].segment = to;
        w.f.volume->fail_statement(nth);
        const Outcome outcome = w.apply(request, 8);
        w.f.volume->fail_statement(0);
        const bool moved = w.f.extents(w.ino).extents.at(0).segment == to;
        CHECK(outcome.reply.has_value() == moved);
        if (outcome.reply) {
            CHECK(nth > 3);
            break;
        }
        CHECK(outcome.reply.error().refused);
    }
}

TEST_CASE("a call that was executed is never refused when it is sent again, whatever fails then") {
    Writing w;
    const wire::Commit commit = w.commit();
    REQUIRE(w.apply(commit, 5).reply);

    for (const int code : {EIO, ENOSPC}) {
        for (int nth = 1; nth < 6; ++nth) {
            w.f.create(1, std::to_string(code) + "." + std::to_string(nth));
            w.f.volume->fail_statement(nth, code, 3);
            const Outcome again = w.apply(commit, 5);
            w.f.volume->fail_statement(0);
            if (again.reply) CHECK(again.repeated);
            else CHECK_FALSE(again.reply.error().refused);
        }
    }
    CHECK(w.leads_to_segment());
}

TEST_CASE("a call of a session that has ended may have been executed before: it is not refused") {
    Writing w;
    REQUIRE(w.apply(w.commit(), 5).reply);
    REQUIRE(w.f.volume->apply(w.session, wire::CloseSession()));
    w.f.upkeep();

    const Outcome again = w.apply(w.commit(), 5);
    CHECK(code_of(again.reply) == ESTALE);
    CHECK_FALSE(again.reply.error().refused);
    CHECK(w.leads_to_segment());
}

TEST_CASE("a failed sync is EIO whatever the disk says, for everybody from then on") {
    for (const int code : {ENOSPC, EDQUOT, EIO}) {
        Fixture f;
        Probe probe;
        f.create(1, "a");
        probe.code = code;
        CHECK(code_of(f.volume->sync()) == EIO);
        probe.code = 0;

        f.create(1, "b");
        CHECK(code_of(f.volume->sync()) == EIO);
        CHECK(f.lookup("a"));
    }
    for (const int code : {ENOSPC, EIO}) {
        Fixture f;
        Probe probe;
        f.create(1, "a");
        REQUIRE(f.volume->commit());
        probe.code = code;
        CHECK(code_of(f.volume->checkpoint()) == EIO);
        probe.code = 0;
        // The database's log could not be synced.
        CHECK(code_of(f.volume->sync()) == EIO);
        CHECK(code_of(f.volume->checkpoint()) == EIO);
        CHECK(code_of(f.volume->truncate_log()) == EIO);
        const auto before = f.dump();
        f.reopen();
        CHECK(f.dump() == before);
    }
}

TEST_CASE(
    "the folder of a new volume and the folder above it are synced after every file is made") {
    Probe probe;
    Fixture f;
    const std::string above = std::filesystem::path(f.folder).parent_path();
    // At least one sync for the database and its log, and one for the journal.
    CHECK(std::ranges::count(probe.synced, f.folder) >= 2);
    CHECK(std::ranges::count(probe.synced, above) >= 2);
}

TEST_CASE("a snapshot shows one moment while the volume changes, and then the next") {
    Fixture f;
    const Ino a = f.create(1, "a");
    f.write_inline(a, "one");
    auto snapshot = std::move(f.volume->snapshot().value());
    const std::string before = snapshot->dump().value();
    CHECK(before == f.dump());

    f.create(1, "b");
    f.write_inline(a, "two");
    REQUIRE(f.volume->commit());
    CHECK(snapshot->dump().value() == before);
    CHECK(snapshot->read(wire::Lookup{1, "a"}).value().inline_data.text() == "one");
    CHECK(code_of(snapshot->read(wire::Lookup{1, "b"})) == ENOENT);
    CHECK(snapshot->verify().value().empty());
    // It keeps the log from being cut until it is released.
    CHECK(code_of(f.volume->truncate_log()) == EBUSY);
    REQUIRE(snapshot->refresh());
    CHECK(snapshot->dump().value() == f.dump());
    CHECK(snapshot->read(wire::ReadDir{1}).value().entries.size() == 2);
    snapshot.reset();
    CHECK(f.volume->truncate_log());
}

}  // namespace flexfs::meta
