// Tests of group commit and durability.
#include "lib/service/batch.h"

#include "lib/base/durable.h"
#include "lib/service/fixture_test.h"
#include "lib/wire/fate.h"

namespace flexfs::service {
namespace {

// A log that answers when the test says so, as a replicated log answers when others have the
// record.
struct SlowLog final : Log {
    std::vector<std::pair<std::vector<meta::Call>, Applied>> waiting;

    bool full = false;
    bool answers_at_once = false;

    bool append(std::span<const meta::Call> calls, Applied applied) override {
        if (full) return false;
        waiting.emplace_back(std::vector(calls.begin(), calls.end()), std::move(applied));
        if (answers_at_once) answer_first();
        return true;
    }
    Task<void> sync() override { co_return; }
    // Answers the oldest record: the outcome of each call is the number of inodes that it releases.
    void answer_first() {
        auto [calls, applied] = std::move(waiting.front());
        waiting.erase(waiting.begin());
        std::vector<meta::Outcome> outcomes;
        for (const meta::Call& call : calls)
            outcomes.push_back({wire::SegmentRange{call.session, calls.size()}});
        applied(std::move(outcomes));
    }
    void lose_first(int code) {
        auto [calls, applied] = std::move(waiting.front());
        waiting.erase(waiting.begin());
        std::vector<meta::Outcome> outcomes;
        for (std::size_t i = 0; i < calls.size(); ++i) outcomes.push_back({fail(code)});
        applied(std::move(outcomes));
    }
};

struct FailingSyncs final : SyncProbe {
    int code = 0;
    FailingSyncs() { install_sync_probe(this); }
    ~FailingSyncs() override { install_sync_probe(nullptr); }
    int sync(const std::string&) override { return code; }
};

TEST_CASE("over a log that answers late, tickets are answered in the order of their calls") {
    SlowLog log;
    Batch batch(log, [](std::span<meta::Call>) {});
    std::vector<Batch::Ticket> tickets(5);
    const auto add = [&](std::size_t i) {
        REQUIRE(batch.add(tickets[i], {.session = i + 1, .request = wire::Release{}}));
    };
    const auto answered = [&] {
        return std::ranges::count_if(tickets, [](const auto& t) { return t.call != nullptr; });
    };
    CHECK(batch.empty());
    add(0), add(1);
    batch.append();
    add(2);
    batch.append();
    add(3);
    CHECK(log.waiting.size() == 2);
    CHECK(answered() == 0);

    Task<void> all = [](Batch& b) -> Task<void> { co_await b.applied(); }(batch);
    all.start();
    log.answer_first();
    task::RunQueue::current().drain();
    CHECK(answered() == 2);
    CHECK(tickets[1].call->session == 2);
    CHECK(std::get<wire::SegmentRange>(*tickets[1].outcome.reply).count == 2);
    CHECK_FALSE(all.done());
    batch.append();
    log.answer_first();
    log.answer_first();
    task::RunQueue::current().drain();
    CHECK(answered() == 4);
    CHECK(tickets[3].call->session == 4);
    CHECK(all.done());
    CHECK(batch.empty());
    CHECK(batch.batches() == 3);
}

TEST_CASE("tickets of several turns that are answered together point to their own calls") {
    SlowLog log;
    Batch batch(log, [](std::span<meta::Call>) {});
    std::vector<Batch::Ticket> tickets(3);
    const auto add = [&](std::size_t i) {
        REQUIRE(batch.add(tickets[i], {.session = i + 1, .request = wire::Release{}}));
    };
    log.full = true;
    for (std::size_t i = 0; i < tickets.size(); ++i) {
        add(i);
        batch.append();
    }
    log.full = false;
    log.answers_at_once = true;
    batch.append();
    CHECK(batch.empty());
    for (std::size_t i = 0; i < tickets.size(); ++i) CHECK(tickets[i].call->session == i + 1);
}

TEST_CASE("a request whose outcome the log does not know is not refused") {
    SlowLog log;
    Batch batch(log, [](std::span<meta::Call>) {});
    Batch::Ticket ticket;
    REQUIRE(batch.add(ticket, {.request = wire::Release{}}));
    batch.append();
    log.lose_first(ECANCELED);

    CHECK(wire::fate_of(ticket.outcome.reply) == wire::Fate::unknown);
    CHECK(batch.empty());
}

TEST_CASE("changes of one turn that are too long for one record become several") {
    SlowLog log;
    Batch batch(log, [](std::span<meta::Call>) {});
    std::vector<Batch::Ticket> tickets(6);
    const auto add = [&](std::size_t i, std::size_t mib) {
        wire::SetXattr request{.ino = i, .value = Buffer::take(std::string(mib << 20, 'x'))};
        REQUIRE(batch.add(tickets[i], {.request = std::move(request)}));
    };
    for (const auto& [i, mib] : {std::pair(0, 9), {1, 6}, {2, 6}, {3, 40}, {4, 1}, {5, 1}})
        add(i, mib);
    batch.append();

    std::vector<std::size_t> sizes;
    for (const auto& [calls, applied] : log.waiting) sizes.push_back(calls.size());
    CHECK(sizes == std::vector<std::size_t>{2, 1, 1, 2});
    while (!log.waiting.empty()) log.answer_first();
    for (std::size_t i = 0; i < tickets.size(); ++i)
        CHECK(std::get<wire::SetXattr>(tickets[i].call->request).ino == i);
}

TEST_CASE("calls that the log does not take are appended later, once and in order") {
    SlowLog log;
    std::vector<std::size_t> prepared;
    Batch batch(log, [&](std::span<meta::Call> calls) { prepared.push_back(calls.size()); });
    std::vector<Batch::Ticket> tickets(3);
    log.full = true;
    for (std::size_t i = 0; i < 3; ++i) {
        REQUIRE(batch.add(tickets[i], {.session = i + 1, .request = wire::Release{}}));
        if (i != 1) batch.append();
    }
    CHECK(log.waiting.empty());
    CHECK_FALSE(batch.empty());
    prepared.clear();

    log.full = false;
    batch.append();
    CHECK(prepared == std::vector<std::size_t>{1, 2});
    while (!log.waiting.empty()) log.answer_first();
    CHECK(batch.empty());
    for (std::size_t i = 0; i < 3; ++i)
        CHECK(std::get<wire::SegmentRange>(*tickets[i].outcome.reply).first == i + 1);
}

TEST_CASE("a request that is too long for the log is refused, and nothing else is") {
    Fixture f;
    Client& a = f.open_session("a", true);
    const Ino ino = f.create(a, "x");
    wire::Commit commit{.now = 9};
    commit.inodes.push_back({.ino = ino, .set_inline = true});
    commit.inodes[0].inline_data = Buffer::take(std::string(request_bytes_max, 'x'));
    f.send(a, wire::Make{.parent = 1, .name = "y", .mode = S_IFREG | 0644, .now = 9}, "made");

    const auto reply = f.call(a, std::move(commit));
    CHECK(code_of(reply) == EMSGSIZE);
    CHECK(wire::fate_of(reply) == wire::Fate::refused);
    REQUIRE(f.loop.run(f.scope.join()));
    CHECK(f.take_story() == Story{"a: made exclusive"});
    CHECK(f.ask(a, wire::GetAttr{ino}).attr.size == 0);
}

TEST_CASE("a commit whose sync fails was applied, and is not refused") {
    for (const bool always : {false, true}) {
        for (const int code : {ENOSPC, EDQUOT, EIO}) {
            Fixture f({.sync_always = always});
            Client& a = f.open_session("a", true);
            const Ino ino = f.create(a, "x");
            const wire::SegmentId id = f.ask(a, wire::ReserveSegments{1}).first;
            f.put(id);
            FailingSyncs syncs;
            syncs.code = code;

            const auto reply = f.call(a, f.commit_segment(ino, 0, id, true));
            CHECK(code_of(reply) == EIO);
            CHECK(wire::fate_of(reply) == wire::Fate::unknown);
            CHECK(f.ask(a, wire::Extents{.ino = ino, .count = 1}).extents.size() == 1);
            syncs.code = 0;
            CHECK(code_of(f.call(a, wire::Sync{})) == EIO);
        }
    }
}

TEST_CASE("a compaction that is cancelled while it waits for the disk is not refused") {
    Fixture f({.sync_always = true});
    Client& a = f.open_session("a", true);
    const Ino ino = f.create(a, "x");
    f.write_segment(a, ino, 0, true);
    const wire::SegmentId to = f.ask(a, wire::ReserveSegments{1}).first;
    f.put(to);
    wire::Compact request{.ino = ino, .segments = {{to, 1000}}};
    request.replacement = f.ask(a, wire::Extents{.ino = ino, .count = 1}).extents;
    request.expected = {request.replacement[0].seq};
    request.replacement[0].segment = to;

    const std::uint64_t calls = f.service->counters().calls;
    task::StopSource stop;
    Task<wire::Done> compaction = a.call(request);
    compaction.start(&stop);
    while (f.service->counters().calls == calls) f.turn();
    stop.request();
    while (!compaction.done()) f.turn();

    const auto reply = compaction.take();
    if (!reply) CHECK(wire::fate_of(reply) == wire::Fate::unknown);
    CHECK(f.ask(a, wire::Extents{.ino = ino, .count = 1}).extents[0].segment == to);
}

TEST_CASE("a commit on a full disk is refused, and so is one that the volume has no room for") {
    Fixture f;
    Client& a = f.open_session("a", true);
    const Ino ino = f.create(a, "x");
    f.volume->fail_disk(ENOSPC);
    const auto reply = f.call(a, Fixture::write_inline(ino, "data", 9));
    f.volume->fail_disk(0);

    CHECK(code_of(reply) == ENOSPC);
    CHECK(wire::fate_of(reply) == wire::Fate::refused);
    CHECK(f.ask(a, wire::GetAttr{ino}).attr.size == 0);
}

TEST_CASE("changes that arrive in one turn are one record") {
    Fixture f;
    Client& a = f.open_session("a", true);
    const Counters before = f.service->counters();

    for (int i = 0; i < 100; ++i)
        f.send(a,
               wire::Make{
                   .parent = 1, .name = fmt::format("f{}", i), .mode = S_IFREG | 0644, .now = 5},
               "made");
    REQUIRE(f.loop.run(f.scope.join()));

    CHECK(f.service->counters().batches - before.batches == 1);
    CHECK(f.service->counters().calls - before.calls == 100);
    CHECK(f.take_story() == Story(100, "a: made exclusive"));
    CHECK(f.ask(a, wire::ReadDir{.ino = 1}).entries.size() == 100);
}

TEST_CASE("one sync serves all durable commits of a turn") {
    Fixture f;
    Client& a = f.open_session("a", true);
    std::vector<Ino> files;
    for (int i = 0; i < 20; ++i) files.push_back(f.create(a, fmt::format("f{}", i)));
    const std::uint64_t before = f.service->counters().syncs;

    for (Ino ino : files) {
        wire::Commit commit = Fixture::write_inline(ino, "x", 9);
        commit.durable = true;
        f.send(a, std::move(commit), "durable");
    }
    REQUIRE(f.loop.run(f.scope.join()));

    CHECK(f.service->counters().syncs - before == 1);
}

TEST_CASE("a sync that began before a change does not answer for it") {
    Fixture f;
    Client& a = f.open_session("a", true);
    const Ino ino = f.create(a, "x");
    const std::uint64_t before = f.service->counters().syncs;

    wire::Commit commit = Fixture::write_inline(ino, "one", 9);
    commit.durable = true;
    f.send(a, commit, "first");
    while (f.service->counters().syncs == before) f.turn();
    f.send(a, commit, "second");
    REQUIRE(f.loop.run(f.scope.join()));

    CHECK(f.service->counters().syncs - before == 2);
    CHECK(f.take_story() == Story{"a: first", "a: second"});
}

TEST_CASE("nothing is synced twice") {
    Fixture f;
    Client& a = f.open_session("a", true);
    f.create(a, "x");
    f.ask(a, wire::Sync());
    const std::uint64_t before = f.service->counters().syncs;

    f.ask(a, wire::Sync());
    f.ask(a, wire::GetAttr{1});

    CHECK(f.service->counters().syncs == before);
}

TEST_CASE("with sync_always every change is on disk before it is answered") {
    Fixture f({.sync_always = true});
    Client& a = f.open_session("a", true);
    const std::uint64_t before = f.service->counters().syncs;

    f.create(a, "x");
    f.ask(a, wire::Unlink{1, "x", ++f.now});

    CHECK(f.service->counters().syncs - before == 2);
}

TEST_CASE("a read that arrives after a change was answered sees it") {
    Fixture f;
    Client& a = f.open_session("a", true);

    const Ino ino = f.create(a, "x");

    CHECK(f.ask(a, wire::Lookup{1, "x"}).attr.ino == ino);
    f.ask(a, wire::Unlink{1, "x", ++f.now});
    CHECK(code_of(f.call(a, wire::Lookup{1, "x"})) == ENOENT);
}

TEST_CASE("reads are answered without waiting for the turn's end") {
    Fixture f;
    Client& a = f.open_session("a", true);
    f.create(a, "x");

    Task<wire::Entry> lookup = a.call(wire::Lookup{1, "x"});
    lookup.start();

    CHECK(lookup.done());
}

TEST_CASE("a full disk is ENOSPC for what did not fit and nothing else") {
    Fixture f;
    Client& a = f.open_session("a", true);
    const Ino ino = f.create(a, "before");

    f.volume->fail_disk(ENOSPC);
    CHECK(code_of(
              f.call(a, wire::Make{.parent = 1, .name = "x", .mode = S_IFREG | 0644, .now = 5})) ==
          ENOSPC);
    CHECK(f.ask(a, wire::Lookup{1, "before"}).attr.ino == ino);
    f.volume->fail_disk(0);

    f.create(a, "x");
    CHECK(f.ask(a, wire::ReadDir{.ino = 1}).entries.size() == 2);
}

}  // namespace
}  // namespace flexfs::service
