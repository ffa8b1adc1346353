// setattr, commit, truncation, compaction, segments: everything about a file's bytes.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cerrno>

#include "lib/db/db.h"
#include "lib/meta/fixture_test.h"

namespace flexfs::meta {
namespace {

constexpr std::uint64_t block = 4 << 20;
constexpr std::uint64_t kib = 1024;

}  // namespace

TEST_CASE("a commit of an access time alone takes any kind of inode, and no other change") {
    Fixture f;
    const Ino folder = f.mkdir(1, "folder");
    wire::Commit commit{.now = 50};
    commit.inodes.push_back({.ino = folder, .atime = 40});
    commit.inodes.push_back({.ino = folder, .mtime = 40, .atime = 41});
    const auto done = f.apply(commit);

    REQUIRE(done);
    CHECK(done->errors == std::vector<int>{0, EISDIR});
    CHECK(f.attr(folder).atime == 40);
}

TEST_CASE("setattr changes what its mask names, and ctime") {
    Fixture f;
    const Ino a = f.create(1, "a", 0644, {1, 2});
    wire::SetAttr request{.ino = a, .mask = wire::set_mode | wire::set_mtime, .now = 77};
    request.attr = {.mode = S_IFDIR | 0600, .uid = 9, .mtime = -5};
    const wire::Attr now = f.apply(request).value().attr;

    CHECK(now.mode == (S_IFREG | 0600));
    CHECK(now.uid == 1);
    CHECK(now.mtime == -5);
    CHECK(now.ctime == 77);
    f.reopen();
    CHECK(f.attr(a) == now);
}

TEST_CASE("times as far apart as they can be come back as they were") {
    Fixture f;
    const Ino a = f.create(1, "a");
    wire::SetAttr request{.ino = a, .mask = wire::set_mtime | wire::set_atime, .now = 1};
    request.attr.mtime = INT64_MIN;
    request.attr.atime = INT64_MAX;
    REQUIRE(f.apply(request));
    CHECK(f.attr(a).mtime == INT64_MIN);
    CHECK(f.attr(a).atime == INT64_MAX);
}

TEST_CASE("chown and writes take setuid and, where the group may execute, setgid away") {
    Fixture f;
    const Ino program = f.create(1, "program", 06755), mandatory = f.create(1, "data", 06745);
    const Ino folder = f.mkdir(1, "folder", 02755);
    for (const Ino ino : {program, mandatory, folder})
        REQUIRE(f.apply(wire::SetAttr{.ino = ino, .mask = wire::set_gid, .now = 1}));
    CHECK((f.attr(program).mode & 07777) == 0755);
    CHECK((f.attr(mandatory).mode & 07777) == 02745);
    CHECK((f.attr(folder).mode & 07777) == 02755);

    const Ino other = f.create(1, "other", 04755);
    REQUIRE(f.apply(wire::SetXattr{.ino = other, .name = "security.capability"}));
    wire::Commit commit;
    commit.inodes.push_back({.ino = other, .size = 1, .kill_privileges = true});
    REQUIRE(f.apply(commit));
    CHECK((f.attr(other).mode & 07777) == 0755);
    CHECK(f.volume->read(wire::ListXattr{other}).value().names.empty());
}

TEST_CASE("a chown to nobody and no group takes setuid away when the owner or root asks") {
    Fixture f;
    const Ino program = f.create(1, "program", 06755);
    REQUIRE(f.apply(wire::SetAttr{.ino = program,
                                  .mask = wire::set_uid | wire::set_mode,
                                  .attr = {.mode = 04755, .uid = 7}}));
    const auto disown = [&](std::uint32_t uid) {
        wire::SetAttr request{.ino = program, .mask = wire::set_kill_privileges, .now = uid};
        request.who.uid = uid;
        REQUIRE(f.apply(request));
        CHECK(f.attr(program).ctime == uid);
        return f.attr(program).mode & 07777;
    };
    CHECK(disown(8) == 04755);
    CHECK(disown(7) == 0755);
    const Ino folder = f.mkdir(1, "folder", 06755);
    REQUIRE(f.apply(wire::SetAttr{.ino = folder, .mask = wire::set_kill_privileges}));
    CHECK((f.attr(folder).mode & 07777) == 06755);
}

TEST_CASE("writing and truncating take a file's capabilities away, whoever does it") {
    Fixture f;
    const Ino a = f.create(1, "a");
    const auto give = [&] {
        REQUIRE(f.apply(wire::SetXattr{.ino = a, .name = "security.capability"}));
    };
    give();
    f.write(a, {0}, 1024);
    CHECK(!f.attr(a).has_xattrs);
    give();
    f.write_inline(a, "text");
    CHECK(!f.attr(a).has_xattrs);
    give();
    f.truncate(a, 10);
    CHECK(!f.attr(a).has_xattrs);
    give();
    wire::Commit accessed;
    accessed.inodes.push_back({.ino = a, .atime = 5});
    REQUIRE(f.apply(accessed));
    CHECK(f.attr(a).has_xattrs);
}

TEST_CASE("a commit of what was written through mappings leaves capabilities") {
    Fixture f;
    const Ino a = f.create(1, "a", 04755);
    REQUIRE(f.apply(wire::SetXattr{.ino = a, .name = "security.capability"}));
    wire::Commit mapped;
    mapped.inodes.push_back({.ino = a, .mtime = 5, .set_inline = true, .keep_capability = true});
    REQUIRE(f.apply(mapped));
    CHECK(f.attr(a).has_xattrs);
    CHECK((f.attr(a).mode & 07777) == 04755);

    mapped.inodes[0].keep_capability = false;
    REQUIRE(f.apply(mapped));
    CHECK(!f.attr(a).has_xattrs);
}

TEST_CASE("sizes that cannot be are refused by their errno") {
    Fixture f;
    wire::SetAttr request{.ino = f.create(1, "a"), .mask = wire::set_size};
    request.attr.size = wire::file_bytes_max + 1;
    CHECK(code_of(f.apply(request)) == EFBIG);
    request.attr.size = wire::file_bytes_max;
    CHECK(code_of(f.apply(request)) == 0);
    request.ino = 1;
    CHECK(code_of(f.apply(request)) == EISDIR);
}

TEST_CASE("committed extents lie over older ones, and wholly covered ones are dropped") {
    Fixture f;
    const Ino a = f.create(1, "a");
    f.write(a, {0, 100 * kib}, 64 * kib);
    f.write(a, {32 * kib}, 64 * kib);
    auto list = f.extents(a);
    REQUIRE(list.extents.size() == 3);
    CHECK(list.attr.used == 160 * kib);
    CHECK(list.attr.size == 164 * kib);
    CHECK(list.extents[2].check == ~std::uint64_t{32 * kib});

    f.write(a, {0}, 96 * kib);
    list = f.extents(a);
    REQUIRE(list.extents.size() == 2);
    CHECK(list.attr.used == 160 * kib);
    CHECK(f.garbage() == std::vector<SegmentId>{1'000'001});
}

TEST_CASE("two newer extents together cover an older one") {
    Fixture f;
    const Ino a = f.create(1, "a");
    f.write(a, {block + 10}, 100);
    f.write(a, {block, block + 60}, 60);
    const auto list = f.extents(a);
    CHECK(list.extents.size() == 2);
    CHECK(list.attr.used == 120);
}

TEST_CASE("first_seq is what the first extent got, and later commits get higher ones") {
    Fixture f;
    const Ino a = f.create(1, "a");
    const auto first = f.write(a, {0, 4096}, 4096).first_seq[0];
    const auto second = f.write(a, {8192}, 4096).first_seq[0];
    const auto list = f.extents(a);
    CHECK(list.extents[0].seq == first);
    CHECK(list.extents[1].seq == first + 1);
    CHECK(list.extents[2].seq == second);
    CHECK(second == first + 2);
}

TEST_CASE("a commit to an inode that is gone is ESTALE for it alone") {
    Fixture f;
    const Ino a = f.create(1, "a");
    const SegmentId segment = f.next_segment++;
    wire::Commit commit{.segments = {{segment, 1000}}};
    for (const Ino ino : {a, Ino{99}, Ino{1}}) {
        commit.inodes.push_back({.ino = ino});
        commit.inodes.back().extents.push_back(
            {.len = 10, .segment = segment, .pos = 0, .stored = 58});
    }
    CHECK(f.apply(commit).value().errors == std::vector<int>{0, ESTALE, EISDIR});
    REQUIRE(f.apply(wire::Unlink{.parent = 1, .name = "a"}));
    CHECK(f.garbage() == std::vector{segment});
}

TEST_CASE("extents that cannot be are EINVAL and leave their file alone") {
    Fixture f;
    const Ino a = f.create(1, "a");
    const auto code = [&](wire::Extent extent) {
        wire::Commit commit{.segments = {{7, 1000}}};
        commit.inodes.push_back({.ino = a, .size = 5});
        commit.inodes.back().extents = {extent};
        return f.apply(commit).value().errors[0];
    };
    CHECK(code({.len = 0, .segment = 7}) == EINVAL);
    CHECK(code({.off = 4 << 20, .len = 1, .segment = 7}) == EINVAL);
    CHECK(code({.off = 4095 << 10, .len = 4 << 10, .segment = 7}) == EINVAL);
    CHECK(code({.len = 10, .segment = 7, .pos = 990, .stored = 11}) == EINVAL);
    CHECK(code({.idx = UINT64_MAX, .len = 10, .segment = 7}) == EFBIG);
    CHECK(code({.len = 10, .segment = 7, .form = wire::FrameForm{0}}) == EINVAL);
    CHECK(code({.len = 10, .segment = 7, .chunks = "of a whole frame"}) == EINVAL);
    CHECK(code({.len = 10,
                .segment = 7,
                .form = wire::FrameForm::chunked,
                .chunks = std::string(wire::chunk_list_bytes_max + 1, 'c')}) == EINVAL);
    CHECK(code({.len = 10, .segment = 8}) == ESTALE);
    CHECK(f.attr(a).size == 0);
}

TEST_CASE(
    "an extent's row keeps the form of its frame; a row of an older format is of a whole frame") {
    Fixture f;
    const Ino a = f.create(1, "a");
    wire::Commit commit{.segments = {{7, 1000}}};
    commit.inodes.push_back({.ino = a});
    commit.inodes[0].extents = {{.len = 10, .segment = 7, .stored = 58},
                                {.idx = 1,
                                 .len = 10,
                                 .segment = 7,
                                 .stored = 58,
                                 .form = wire::FrameForm::chunked,
                                 .chunks = std::string("\0\1\xff", 3)}};
    REQUIRE(f.apply(commit).value().errors[0] == 0);
    CHECK(f.extents(a).extents[0].form == wire::FrameForm::whole);
    CHECK(f.extents(a).extents[1].form == wire::FrameForm::chunked);
    CHECK(f.extents(a).extents[1].chunks == std::string("\0\1\xff", 3));

    f.volume.reset();
    {
        auto db = db::Db::open({.path = f.folder + "/meta.db"}).value();
        REQUIRE(db->execute(undo_fifth_format));
        REQUIRE(db->execute("PRAGMA user_version=4"));
    }
    f.open();
    CHECK(f.extents(a).extents[1].form == wire::FrameForm::whole);
    CHECK(f.extents(a).extents[1].chunks.empty());
}

TEST_CASE("a session may use only segments that it reserved") {
    Fixture f;
    const SessionId one = f.session(), two = f.session();
    const auto range = f.volume->apply(one, wire::ReserveSegments{2}).value();
    const auto commit = [&](SessionId session, SegmentId segment) {
        return code_of(f.volume->apply(session, wire::Commit{.segments = {{segment, 10}}}));
    };
    CHECK(range.count == 2);
    CHECK(commit(two, range.first) == EINVAL);
    CHECK(commit(one, range.first + 2) == EINVAL);
    CHECK(commit(one, range.first + 1) == 0);
    CHECK(commit(one, range.first) == 0);
    CHECK(f.volume->apply(two, wire::ReserveSegments{1}).value().first == range.first + 2);
}

TEST_CASE("segments reserved and never committed become garbage when the session ends") {
    Fixture f;
    const SessionId session = f.session();
    const auto range = f.volume->apply(session, wire::ReserveSegments{3}).value();
    const Ino a = f.create(1, "a");
    wire::Commit commit{.segments = {{range.first + 1, 100}}};
    commit.inodes.push_back({.ino = a});
    commit.inodes.back().extents = {{.len = 10, .segment = range.first + 1, .stored = 58}};
    REQUIRE(f.volume->apply(session, commit));
    f.crash();
    REQUIRE(f.volume->sessions().size() == 1);
    CHECK(f.volume->apply(0, wire::OpenSession{.resume = session}).value().session == session);
    f.end(session);

    CHECK(f.garbage() == std::vector{range.first, range.first + 2});
    CHECK(code_of(f.volume->apply(session, wire::Release())) == ESTALE);
    CHECK(code_of(f.volume->apply(0, wire::OpenSession{.resume = session})) == ESTALE);
    CHECK(f.session() == session + 1);
}

TEST_CASE("garbage is condemned from its death on, and gone when its objects are") {
    Fixture f;
    const Ino a = f.create(1, "a");
    f.write(a, {0}, 4096);
    const Time died = ++f.now;
    REQUIRE(f.apply(wire::Unlink{.parent = 1, .name = "a", .now = died}));
    CHECK(f.garbage(died - 1).empty());
    const auto due = f.garbage(died);
    REQUIRE(due.size() == 1);
    f.own(ForgetGarbage{due});
    CHECK(f.garbage().empty());
}

TEST_CASE("a dead segment may be used after all until its deletion begins") {
    Fixture f;
    const Ino a = f.create(1, "a");
    f.write(a, {0}, 4096);
    wire::Commit again{.segments = {{f.next_segment - 1, 16 << 20}}};
    again.inodes.push_back({.ino = a});
    again.inodes.back().extents = f.extents(a).extents;
    f.truncate(a, 0);
    CHECK(f.apply(again).value().errors[0] == 0);
    f.verify();
    CHECK(f.garbage().empty());

    f.truncate(a, 0);
    CHECK(f.garbage().size() == 1);
    CHECK(f.apply(again).value().errors[0] == ESTALE);
    CHECK(f.garbage().size() == 1);
}

TEST_CASE("a truncated file reads as zeros where it was cut, also after it grew again") {
    Fixture f;
    const Ino a = f.create(1, "a");
    f.write(a, {0, block, 2 * block}, 1 << 20);
    f.truncate(a, block + 1000);
    f.truncate(a, 3 * block);

    const auto list = f.extents(a);
    REQUIRE(list.extents.size() == 2);
    CHECK(list.extents[1].idx == 1);
    CHECK(list.extents[1].len == 1000);
    CHECK(list.attr.used == (1 << 20) + 1000);
    CHECK(list.attr.size == 3 * block);
    f.truncate(a, 0);
    CHECK(f.extents(a).extents.empty());
    CHECK(f.attr(a).used == 0);
}

TEST_CASE("a limited volume takes its last byte and refuses the next with ENOSPC") {
    Fixture f({.block_bytes = 256 << 10, .max_blocks = 1});
    const Ino a = f.create(1, "a");
    CHECK(f.write(a, {0}, 256 << 10).errors[0] == 0);
    CHECK(f.write(a, {256 << 10}, 1).errors[0] == ENOSPC);
    CHECK(f.write(a, {4096}, 4096).errors[0] == 0);
    CHECK(f.write_inline(f.create(1, "b"), "x").errors[0] == ENOSPC);
    f.truncate(a, (256 << 10) - 1);
    CHECK(f.write_inline(f.create(1, "c"), "x").errors[0] == 0);
    const auto all = f.volume->read(wire::StatFs()).value();
    CHECK(all.used_bytes == all.max_bytes);
}

TEST_CASE("compaction swaps the very rows it saw, or none") {
    Fixture f;
    const Ino a = f.create(1, "a");
    f.write(a, {0, 100, 200}, 100);
    const auto rows = f.extents(a).extents;
    wire::Compact request{.ino = a, .segments = {{50, 1000}}};
    request.replacement = {{.len = 300, .segment = 50, .stored = 300}};
    request.expected = {rows[0].seq, rows[1].seq};
    const auto before = f.dump();
    CHECK(code_of(f.apply(request)) == EAGAIN);
    request.expected.push_back(rows[2].seq);
    request.replacement[0].len = 299;
    CHECK(code_of(f.apply(request)) == EINVAL);
    CHECK(f.dump() == before);

    request.replacement[0].len = 300;
    REQUIRE(f.apply(request));
    const auto now = f.extents(a);
    REQUIRE(now.extents.size() == 1);
    CHECK(now.extents[0].segment == 50);
    CHECK(now.attr.used == 300);
    CHECK(f.garbage().size() == 1);
}

TEST_CASE("extents come in whole blocks, as many as wanted, and more is asked for") {
    Fixture f;
    const Ino a = f.create(1, "a");
    for (int round = 0; round < 3; ++round)
        f.write(a, {std::uint64_t(round) * 10, block + std::uint64_t(round) * 10, 5 * block}, 10);
    std::size_t rows = 0;
    std::uint64_t next = 0;
    for (bool more = true; more;) {
        const auto list = f.extents(a, next, UINT64_MAX, 2);
        if (!list.extents.empty()) next = list.extents.back().idx + 1;
        rows += list.extents.size();
        more = list.more;
    }
    CHECK(rows == 7);
    CHECK(f.extents(a, 1, 1).extents.size() == 3);
    CHECK(f.extents(a, 2, 3).extents.empty());
    CHECK(f.lookup("a").value().has_data);
    for (int i = 0; i < 20; ++i) f.write(a, {std::uint64_t(i + 10) * block}, 10);
    CHECK(!f.lookup("a").value().has_data);
}

TEST_CASE("a huge file is truncated and deleted in bounded steps, and is short at once") {
    Fixture f({.block_bytes = 256 << 10});
    const std::uint64_t step = 256 << 10;
    const SessionId session = f.session();
    const Ino a = f.create(1, "a");
    for (std::uint64_t i = 0; i < 5000; ++i) f.write(a, {i * step}, 100);
    f.truncate(a, 10 * step + 50);

    CHECK(f.attr(a).size == 10 * step + 50);
    CHECK(f.extents(a).extents.size() == 11);
    CHECK(f.volume->needs_upkeep());
    f.verify();
    f.write(a, {2000 * step}, 100);
    f.crash();
    CHECK(f.volume->needs_upkeep());
    CHECK(f.upkeep(500) > 5);
    CHECK(f.extents(a).extents.size() == 12);
    CHECK(f.attr(a).used == 10 * 100 + 50 + 100);
    CHECK(!f.volume->needs_upkeep());

    for (std::uint64_t i = 0; i < 5000; ++i) f.write(a, {i * step}, 100);
    REQUIRE(f.volume->apply(session, wire::Unlink{.parent = 1, .name = "a"}, {session}));
    REQUIRE(f.volume->apply(session, wire::Release{{a}}));
    CHECK(!f.exists(a));
    CHECK(f.volume->read(wire::StatFs()).value().used_bytes == 0);
    f.verify();
    CHECK(f.upkeep(100) > 10);
    CHECK(f.dump().find("\nextent") == std::string::npos);
}

TEST_CASE("xattrs are made, replaced, listed and removed, each error by its errno") {
    Fixture f;
    const Ino a = f.create(1, "a");
    const auto set = [&](std::string name, std::string value, std::uint32_t flags) {
        return code_of(
            f.apply(wire::SetXattr{a, std::move(name), Buffer::copy_of(value), flags, ++f.now}));
    };
    const auto get = [&](const char* name) { return f.volume->read(wire::GetXattr{a, name}); };
    CHECK(code_of(get("user.x")) == ENODATA);
    CHECK(set("user.x", "1", 2) == ENODATA);
    CHECK(set("user.x", "1", 1) == 0);
    CHECK(set("user.x", "2", 1) == EEXIST);
    CHECK(get("user.x").value().value.text() == "1");
    CHECK(set("user.x", "2", 2) == 0);
    CHECK(set("user.empty", "", 0) == 0);
    CHECK(get("user.x").value().value.text() == "2");
    CHECK(get("user.empty").value().value.empty());
    CHECK(set("user.big", std::string(65537, 'x'), 0) == E2BIG);
    CHECK(set("user.big", std::string(65536, 'x'), 0) == 0);
    CHECK(set(std::string(256, 'x'), "", 0) == ERANGE);
    CHECK(f.attr(a).ctime == f.now - 1);
    CHECK(f.volume->read(wire::ListXattr{a}).value().names ==
          std::vector<std::string>{"user.big", "user.empty", "user.x"});
    CHECK(set("user.", "", 0) == EINVAL);
    for (const char* name : {"user", "system.x", "system.posix_acl", "os2.x", "x"})
        CHECK(set(name, "", 0) == EOPNOTSUPP);
    CHECK(f.apply(wire::RemoveXattr{a, "user.x"}));
    CHECK(code_of(f.apply(wire::RemoveXattr{a, "user.x"})) == ENODATA);
    CHECK(f.attr(a).has_xattrs);
    CHECK(f.apply(wire::RemoveXattr{a, "user.big"}));
    CHECK(f.apply(wire::RemoveXattr{a, "user.empty"}));
    CHECK(!f.attr(a).has_xattrs);
    CHECK(set("security.x", "", 0) == 0);
    REQUIRE(f.apply(wire::Unlink{.parent = 1, .name = "a"}));
    CHECK(f.dump().find("xattr") == std::string::npos);
}

}  // namespace flexfs::meta
