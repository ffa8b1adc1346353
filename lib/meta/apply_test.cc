// Batches, faults, repeated requests, and state that survives a crash.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "lib/meta/fixture_test.h"

namespace flexfs::meta {
namespace {

// A tree with an example of everything, created anew for each round of a sweep.
struct Tree : Fixture {
    SessionId one, two;
    Ino folder, file, small, huge, link;

    Tree() : Fixture({.block_bytes = 256 << 10}) {
        one = session();
        two = session();
        folder = mkdir(1, "folder");
        file = create(folder, "file");
        small = create(1, "small", 06755);
        huge = create(1, "huge");
        link = make(1, "link", S_IFREG | 0600, {});
        write(file, {0, 4096, 8192}, 4096);
        write_inline(small, std::string(3000, 's'));
        REQUIRE(apply(wire::SetXattr{small, "user.a", Buffer::copy_of("1")}));
        REQUIRE(apply(wire::SetXattr{small, "security.capability", Buffer::copy_of("1")}));
        REQUIRE(volume->apply(one, wire::ReserveSegments{4}));
        volume->end_reads();
    }
};

wire::Commit commit_of(Tree& t, SegmentId segment) {
    wire::Commit commit{.segments = {{segment, 1 << 20}}, .now = 5};
    commit.inodes.push_back({.ino = t.file, .mtime = 6});
    commit.inodes.back().extents = {{.off = 100, .len = 9000, .segment = segment, .stored = 9048}};
    commit.inodes.push_back({.ino = t.small, .kill_privileges = true, .clear_inline = true});
    commit.inodes.back().extents = {{.len = 3000, .segment = segment, .pos = 9048, .stored = 3048}};
    return commit;
}

struct Case {
    const char* name;
    Call (*call)(Tree&);
};

const Case cases[] = {
    {"mkdir",
     [](Tree& t) {
         return Call{
             t.one, 1,
             wire::Make{.parent = t.folder, .name = "new", .mode = S_IFDIR | 0755, .now = 5}};
     }},
    {"create",
     [](Tree& t) {
         return Call{t.one, 1,
                     wire::Make{.parent = t.folder, .name = "new", .mode = S_IFREG, .now = 5}};
     }},
    {"symlink",
     [](Tree&) {
         return Call{0, 0, wire::Make{.parent = 1, .name = "new", .mode = S_IFLNK, .target = "x"}};
     }},
    {"tmpfile", [](Tree& t) { return Call{t.one, 0, wire::Make{.parent = 1, .mode = S_IFREG}}; }},
    {"truncate",
     [](Tree& t) {
         wire::SetAttr m{
             .ino = t.file, .mask = wire::set_size | wire::set_kill_privileges, .now = 5};
         m.attr.size = 5000;
         return Call{0, 0, m};
     }},
    {"truncate small",
     [](Tree& t) {
         wire::SetAttr m{.ino = t.small, .mask = wire::set_size | wire::set_uid, .now = 5};
         m.attr.size = 1000;
         return Call{0, 0, m};
     }},
    {"link", [](Tree& t) { return Call{0, 0, wire::Link{t.small, t.folder, "new", 5}}; }},
    {"unlink", [](Tree& t) { return Call{t.one, 0, wire::Unlink{t.folder, "file", 5}}; }},
    {"unlink small", [](Tree&) { return Call{0, 0, wire::Unlink{1, "small", 5}}; }},
    {"unlink of an open file",
     [](Tree& t) { return Call{t.one, 3, wire::Unlink{t.folder, "file", 5}, 0, {t.one, t.two}}; }},
    {"rename", [](Tree& t) { return Call{0, 0, wire::Rename{1, "link", t.folder, "new", 0, 5}}; }},
    {"rename over",
     [](Tree& t) { return Call{0, 0, wire::Rename{1, "small", t.folder, "file", 0, 5}}; }},
    {"exchange",
     [](Tree& t) {
         return Call{0, 0, wire::Rename{1, "small", t.folder, "file", RENAME_EXCHANGE, 5}};
     }},
    {"setxattr", [](Tree& t) { return Call{0, 0, wire::SetXattr{t.link, "user.b", {}, 0, 5}}; }},
    {"removexattr", [](Tree& t) { return Call{0, 0, wire::RemoveXattr{t.small, "user.a", 5}}; }},
    {"commit", [](Tree& t) { return Call{t.one, 9, commit_of(t, 1)}; }},
    {"reserve", [](Tree& t) { return Call{t.one, 2, wire::ReserveSegments{7}}; }},
    {"open session", [](Tree&) { return Call{0, 0, wire::OpenSession{.client = "x"}}; }},
    {"close session", [](Tree& t) { return Call{t.one, 0, wire::CloseSession()}; }},
};

// The link's target is written at once, its name and inode later.
wire::Make symlink(std::string name) {
    return {.parent = 1, .name = std::move(name), .mode = S_IFLNK, .target = "elsewhere"};
}

}  // namespace

TEST_CASE("every operation is all or nothing, whichever statement fails") {
    for (const Case& it : cases) {
        for (int nth = 1;; ++nth) {
            CAPTURE(it.name);
            CAPTURE(nth);
            Tree t;
            const Call call = it.call(t);
            const auto before = t.dump();
            t.volume->fail_statement(nth, nth % 2 ? EIO : ENOSPC);
            const Outcome outcome = std::move(t.volume->apply({&call, 1}).front());
            t.volume->fail_statement(0);
            if (outcome.reply) {
                CHECK(nth > 1);
                break;
            }
            CHECK(outcome.reply.error().code == (nth % 2 ? EIO : ENOSPC));
            CHECK(t.dump() == before);
            REQUIRE(t.volume->apply({&call, 1}).front().reply);
            REQUIRE(nth < 100);
        }
    }
}

TEST_CASE("a commit that fails at any statement loses nothing, and the next brings all") {
    const auto change = [](Tree& t) {
        REQUIRE(t.apply(wire::Make{.parent = t.folder, .name = "new", .mode = S_IFREG, .now = 5}));
        REQUIRE(t.apply(wire::Make{.parent = 1, .name = "d", .mode = S_IFDIR, .now = 5}));
        REQUIRE(t.apply(wire::Rename{1, "link", t.folder, "moved", 0, 5}));
        REQUIRE(t.apply(wire::Rename{1, "small", 1, "huge", 0, 5}));
        REQUIRE(t.volume->apply(t.one, wire::Unlink{t.folder, "file", 5}, {t.one}));
    };
    Tree untroubled;
    change(untroubled);
    const auto after = untroubled.dump();

    for (int nth = 1;; ++nth) {
        CAPTURE(nth);
        Tree t;
        REQUIRE(t.volume->commit());
        change(t);
        t.volume->fail_statement(nth, EIO);
        const auto committed = t.volume->commit();
        t.volume->fail_statement(0);
        if (committed) {
            CHECK(nth > 15);  // at least ten rows, the counters, the commit
            break;
        }
        CHECK(code_of(committed) == EIO);
        REQUIRE(nth < 100);
        if (nth % 2) REQUIRE(t.volume->commit());
        t.crash();
        CHECK(t.dump() == after);
    }
}

TEST_CASE("one failing statement in a batch spoils no call, because each is tried again alone") {
    Fixture f;
    std::vector<Call> batch;
    for (int i = 0; i < 8; ++i) batch.push_back({.request = symlink(std::to_string(i))});
    f.volume->fail_statement(4);
    for (const Outcome& outcome : f.volume->apply(batch)) CHECK(outcome.reply.has_value());
    CHECK(f.volume->read(wire::ReadDir{1}).value().entries.size() == 8);
}

TEST_CASE("while the disk is full every change is ENOSPC and reads go on; then changes go on") {
    Fixture f;
    const Ino a = f.create(1, "a");
    const auto before = f.dump();
    f.volume->fail_disk(ENOSPC);
    std::vector<Call> batch;
    for (int i = 0; i < 3; ++i)
        batch.push_back(
            {0, 0, wire::Make{.parent = 1, .name = std::to_string(i), .mode = S_IFREG}});
    for (const Outcome& outcome : f.volume->apply(batch)) CHECK(code_of(outcome.reply) == ENOSPC);
    CHECK(f.attr(a).ino == a);
    CHECK(code_of(f.volume->commit()) == ENOSPC);
    CHECK(f.attr(a).ino == a);
    CHECK(f.dump() == before);
    f.volume->fail_disk(0);

    for (const Outcome& outcome : f.volume->apply(batch)) CHECK(outcome.reply.has_value());
    REQUIRE(f.volume->commit());
}

TEST_CASE("a volume closed while the disk is full loses nothing") {
    Fixture f;
    f.create(1, "a");
    const auto before = f.dump();
    f.volume->fail_disk(ENOSPC);
    f.reopen();
    CHECK(f.dump() == before);
}

TEST_CASE("while nothing can be written at all reads fail rather than show an older state") {
    Fixture f;
    const auto made = f.apply(symlink("a"));
    REQUIRE(made);
    const Ino a = made->attr.ino;
    const auto before = f.dump();
    f.volume->fail_statement(1, EIO, 1'000'000);
    CHECK(code_of(f.apply(wire::Make{.parent = 1, .name = "b", .mode = S_IFREG})) == EIO);
    CHECK(code_of(f.volume->read(wire::GetAttr{a})) == EIO);
    f.volume->fail_statement(0);
    CHECK(f.dump() == before);
    CHECK(f.create(1, "b") == a + 1);
}

TEST_CASE("records that only the journal has are replayed, up to a torn one") {
    Fixture f;
    const SessionId session = f.session();
    std::vector<std::string> dumps = {f.dump()};
    REQUIRE(f.volume->commit());
    for (int i = 0; i < 20; ++i) {
        const Ino ino = f.create(1, std::to_string(i));
        f.write_inline(ino, std::string(100, 'x'));
        if (i % 2)
            REQUIRE(f.volume->apply(session, wire::Unlink{1, std::to_string(i), 1}, {session}));
        dumps.push_back(f.dump());
    }
    const std::filesystem::path kept = f.folder + "-kept";
    std::filesystem::create_directory(kept);
    for (const char* name : {"meta.db", "meta.db-wal", "meta.db-calls.0", "meta.db-calls.1"})
        std::filesystem::copy_file(f.folder + "/" + name, kept / name);
    const auto bytes = std::filesystem::file_size(kept / "meta.db-calls.0");
    std::size_t seen = dumps.size();
    for (std::uintmax_t cut = bytes;; cut -= std::min<std::uintmax_t>(cut, 97)) {
        f.volume.reset();
        std::filesystem::remove_all(f.folder);
        std::filesystem::copy(kept, f.folder);
        std::filesystem::resize_file(f.folder + "/meta.db-calls.0", cut);
        f.open();
        f.verify();
        const auto it = std::ranges::find(dumps, f.dump());
        if (it != dumps.end()) {
            CHECK(std::size_t(it - dumps.begin()) < seen);
            seen = std::size_t(it - dumps.begin()) + 1;
        }
        if (cut == 0) break;
    }
    CHECK(seen == 1);
    std::filesystem::remove_all(kept);
}

TEST_CASE("a journal much longer than what may be pending is applied whole") {
    Fixture f;
    for (int i = 0; i < 1000; ++i) f.create(1, std::to_string(i));
    const auto before = f.dump();
    f.crash();
    CHECK(f.dump() == before);
    f.crash();
    CHECK(f.dump() == before);
}

TEST_CASE("calls of a batch see each other, and an answer among them changes nothing") {
    Fixture f;
    const std::vector<Call> batch = {
        {0, 0, wire::Make{.parent = 1, .name = "a", .mode = S_IFDIR | 0755, .now = 1}},
        {0, 0, wire::Make{.parent = 2, .name = "b", .mode = S_IFREG, .now = 2}},
        {0, 0, wire::Rmdir{1, "a", 3}},
        {0, 0, wire::Unlink{2, "b", 4}},
        {0, 0, wire::Unlink{2, "b", 5}},
        {0, 0, wire::Rmdir{1, "a", 6}},
    };
    std::vector<int> codes;
    for (const Outcome& outcome : f.volume->apply(batch)) codes.push_back(code_of(outcome.reply));
    CHECK(codes == std::vector{0, 0, ENOTEMPTY, 0, ENOENT, 0});
    CHECK(f.volume->read(wire::StatFs()).value().inodes == 1);
    CHECK(f.create(1, "c") == 4);
}

TEST_CASE("a request sent twice is executed once and answered alike, also after a crash") {
    Fixture f;
    const SessionId session = f.session();
    const Call make{session, 5, wire::Make{.parent = 1, .name = "a", .mode = S_IFREG, .now = 9}};
    const Call missing{session, 6, wire::Unlink{.parent = 1, .name = "b"}};
    const Outcome first = std::move(f.volume->apply({&make, 1}).front());
    CHECK(code_of(f.volume->apply({&missing, 1}).front().reply) == ENOENT);
    f.create(1, "b");
    f.crash();
    const auto before = f.dump();

    const Outcome again = std::move(f.volume->apply({&make, 1}).front());
    CHECK(again.repeated);
    CHECK(again.created);
    CHECK(std::get<wire::Entry>(*again.reply).attr == std::get<wire::Entry>(*first.reply).attr);
    CHECK(code_of(f.volume->apply({&missing, 1}).front().reply) == ENOENT);
    CHECK(f.dump() == before);
}

TEST_CASE("a reply is remembered until its session needs it no more, whatever came after it") {
    Fixture f;
    const SessionId session = f.session();
    const auto send = [&](std::uint64_t sequence, std::uint64_t oldest) {
        const Call call{session, sequence, wire::ReserveSegments{1}, 0, {}, oldest};
        return std::move(f.volume->apply({&call, 1}).front());
    };
    for (std::uint64_t i = 2; i <= 2000; ++i) REQUIRE(send(i, 1).reply);
    CHECK(send(2, 1).repeated);
    CHECK_FALSE(send(1, 1).repeated);  // it arrives late, and is executed
    CHECK(send(1, 1).repeated);
    REQUIRE(send(2001, 2000).reply);
    CHECK(send(2000, 2000).repeated);
    const std::string dump = f.dump();
    std::size_t rows = 0;
    for (std::size_t at = dump.find("reply"); at != dump.npos; at = dump.find("reply", at + 1))
        ++rows;
    CHECK(rows == 2);
    f.end(session);
    CHECK(f.dump().find("reply") == std::string::npos);
}

TEST_CASE("the answer to a resumed session names the last of its requests that was applied") {
    Fixture f;
    const SessionId session = f.session();
    const auto applied = [&] {
        return f.volume->apply(0, wire::OpenSession{.resume = session}).value().applied;
    };
    const auto send = [&](std::uint64_t sequence) {
        const Call call{session, sequence, wire::ReserveSegments{1}, 0, {}, sequence};
        REQUIRE(f.volume->apply({&call, 1}).front().reply);
    };
    CHECK(applied() == 0);
    send(7);
    send(5);
    CHECK(applied() == 7);
    send(20);
    f.crash();
    CHECK(applied() == 20);
}

TEST_CASE("a read-only session may release but not change, and an unknown one nothing") {
    Fixture f;
    const SessionId session =
        f.volume->apply(0, wire::OpenSession{.read_only = true}).value().session;
    const wire::Make request{.parent = 1, .name = "a", .mode = S_IFREG};
    CHECK(code_of(f.volume->apply(session, request)) == EROFS);
    CHECK(f.volume->apply(session, wire::Release()));
    CHECK(code_of(f.volume->apply(99, request)) == ESTALE);
}

TEST_CASE("applied changes survive a crash without a sync") {
    Fixture f;
    const Ino a = f.mkdir(1, "a");
    const Ino b = f.create(a, "b");
    f.write(b, {0}, 4096);
    const auto before = f.dump();
    f.crash();
    CHECK(f.dump() == before);
}

TEST_CASE("the log is copied and emptied without anything changing") {
    Fixture f;
    for (int i = 0; i < 100; ++i) f.create(1, std::to_string(i));
    const auto before = f.dump();
    CHECK(f.volume->log_bytes() > 0);
    REQUIRE(f.volume->commit());
    REQUIRE(f.volume->sync());
    CHECK(f.volume->checkpoint().value().uncopied == 0);
    REQUIRE(f.volume->truncate_log());
    CHECK(f.volume->log_bytes() == 0);
    CHECK(f.dump() == before);
}

TEST_CASE("a log that was copied wholly starts anew, though a transaction is always open") {
    Fixture f;
    std::uint64_t most = 0;
    for (int i = 0; i < 10000; ++i) {
        f.create(1, std::to_string(i));
        if (i % 3000 == 2500) REQUIRE(f.volume->checkpoint().value().uncopied == 0);
        most = std::max(most, f.volume->log_bytes());
    }
    CHECK(f.volume->log_bytes() < most);
    CHECK(most < 4 << 20);
}

TEST_CASE("no prepared statement scans or sorts a table") {
    Fixture f;
    for (const std::string& scan : f.volume->scans().value()) FAIL_CHECK(scan);
}

TEST_CASE("a journal that cannot be applied keeps the volume shut, and is kept") {
    Fixture f;
    f.create(1, "a");
    const auto before = f.dump();
    const std::string path = f.folder + "/copy.db";
    std::filesystem::copy_file(f.folder + "/meta.db", path);
    std::filesystem::copy_file(f.folder + "/meta.db-wal", path + "-wal");
    std::filesystem::copy_file(f.folder + "/meta.db-calls.0", path + "-calls.0");
    std::filesystem::create_directory(path + "-calls.1");

    CHECK(code_of(Volume::open({.path = path})) == EISDIR);
    std::filesystem::remove(path + "-calls.1");
    const auto whole = Volume::open({.path = path});
    REQUIRE(whole);
    CHECK((*whole)->dump().value() == before);
}

TEST_CASE("a volume in use, a missing one and a damaged one are refused by a sentence") {
    Fixture f;
    const std::string path = f.folder + "/meta.db";
    const auto second = Volume::open({.path = path});
    REQUIRE(!second);
    CHECK(second.error().code == EBUSY);
    CHECK(second.error().context.find(std::to_string(::getpid())) != std::string::npos);
    CHECK(code_of(Volume::open({.path = f.folder + "/none.db", .create = false})) == ENOENT);
    std::ofstream(f.folder + "/empty.db");
    CHECK(code_of(Volume::open({.path = f.folder + "/empty.db", .create = false})) == EIO);
    CHECK(code_of(Volume::open({.path = path, .info = {.block_bytes = 1000}})) == EINVAL);

    std::ofstream(f.folder + "/bad.db") << std::string(10000, 'x');
    const auto bad = Volume::open({.path = f.folder + "/bad.db"});
    REQUIRE(!bad);
    CHECK(bad.error().code == EIO);
    CHECK(bad.error().context.find("damaged") != std::string::npos);
}

TEST_CASE("an existing volume keeps what it was made with, apart from what is configured") {
    Fixture f({.id = "id", .name = "old", .block_bytes = 1 << 20, .max_inodes = 5});
    f.info.block_bytes = 256 << 10;
    f.reopen();
    CHECK(f.volume->info().block_bytes == 1 << 20);
    wire::VolumeInfo changed = f.volume->info();
    changed.name = "new";
    changed.max_inodes = 0;
    f.own(Configure{changed});
    f.reopen();
    CHECK(f.volume->info() == changed);
    changed.block_bytes = 512 << 10;
    CHECK(code_of(f.apply(Configure{changed})) == EINVAL);
}

}  // namespace flexfs::meta
