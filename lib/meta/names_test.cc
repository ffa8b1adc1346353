// link, unlink, rmdir, rename, readdir: all operations on names except making them.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cerrno>
#include <set>

#include "lib/meta/fixture_test.h"
#include "lib/meta/rows.h"

namespace flexfs::meta {
namespace {

int rename_code(Fixture& f, Ino from, const std::string& name, Ino to, const std::string& new_name,
                std::uint32_t flags = 0) {
    return code_of(f.apply(wire::Rename{from, name, to, new_name, flags, ++f.now}));
}

std::vector<std::string> names(Fixture& f, Ino folder, std::uint32_t limit, bool plus) {
    std::vector<std::string> all;
    std::uint64_t after = 0;
    for (;;) {
        const auto listing = f.volume->read(wire::ReadDir{folder, after, limit, plus}).value();
        for (const wire::DirEntry& entry : listing.entries) {
            CHECK(entry.cookie > after);
            after = entry.cookie;
            all.push_back(entry.name);
        }
        if (listing.end) return all;
    }
}

}  // namespace

TEST_CASE("a second link is the same inode, and each unlink takes one away") {
    Fixture f;
    const Ino a = f.create(1, "a");
    REQUIRE(f.apply(wire::Link{.ino = a, .parent = 1, .name = "b", .now = 70}));
    CHECK(f.lookup("b").value().attr.ino == a);
    CHECK(f.attr(a).nlink == 2);
    CHECK(f.attr(a).ctime == 70);

    const auto removed = f.apply(wire::Unlink{.parent = 1, .name = "a", .now = 80});
    CHECK(removed.value().attr.nlink == 1);
    CHECK(f.attr(a).ctime == 80);
    CHECK(f.attr(1).mtime == 80);
    CHECK(f.apply(wire::Unlink{.parent = 1, .name = "b"}).value().attr.nlink == 0);
    CHECK(!f.exists(a));
}

TEST_CASE("links that cannot be are refused by their errno") {
    Fixture f;
    const Ino a = f.create(1, "a");
    const Ino folder = f.mkdir(1, "folder");
    const auto link = [&](Ino ino, Ino parent, const char* name) {
        return code_of(f.apply(wire::Link{.ino = ino, .parent = parent, .name = name}));
    };
    CHECK(link(folder, 1, "x") == EPERM);
    CHECK(link(a, 1, "a") == EEXIST);
    CHECK(link(a, a, "x") == ENOTDIR);
    CHECK(link(99, 1, "x") == ESTALE);
}

TEST_CASE("unlink and rmdir refuse each other's kind, and rmdir what is not empty") {
    Fixture f;
    const Ino folder = f.mkdir(1, "folder");
    f.create(1, "file");
    f.create(folder, "inside");
    const auto rmdir = [&](const char* name) {
        return code_of(f.apply(wire::Rmdir{.parent = 1, .name = name}));
    };
    CHECK(code_of(f.apply(wire::Unlink{.parent = 1, .name = "folder"})) == EISDIR);
    CHECK(code_of(f.apply(wire::Unlink{.parent = 1, .name = "none"})) == ENOENT);
    CHECK(rmdir("file") == ENOTDIR);
    CHECK(rmdir("none") == ENOENT);
    CHECK(rmdir(".") == EINVAL);
    CHECK(rmdir("folder") == ENOTEMPTY);
    REQUIRE(f.apply(wire::Unlink{.parent = folder, .name = "inside"}));
    CHECK(rmdir("folder") == 0);
    CHECK(f.attr(1).nlink == 2);
}

TEST_CASE("an unlinked file lives until the last of its holders releases it") {
    Fixture f;
    const SessionId one = f.session(), two = f.session();
    const Ino a = f.create(1, "a");
    const auto removed = f.volume->apply(one, wire::Unlink{.parent = 1, .name = "a"}, {one, two});
    CHECK(removed.value().attr.nlink == 0);
    CHECK(f.attr(a).nlink == 0);
    CHECK(code_of(f.apply(wire::Link{.ino = a, .parent = 1, .name = "again"})) == ENOENT);

    f.reopen();
    REQUIRE(f.volume->apply(one, wire::Release{{a}}));
    CHECK(f.exists(a));
    REQUIRE(f.volume->apply(one, wire::Release{{a}}));
    CHECK(f.exists(a));
    f.end(two);
    CHECK(!f.exists(a));
}

TEST_CASE("a kill undoes no release, also where others hold the file still") {
    Fixture f;
    const SessionId one = f.session(), two = f.session();
    const Ino a = f.create(1, "a");
    REQUIRE(f.volume->apply(0, wire::Unlink{.parent = 1, .name = "a"}, {one, two}));
    REQUIRE(f.volume->apply(one, wire::Release{{a}}));
    f.crash();
    REQUIRE(f.volume->apply(two, wire::Release{{a}}));
    CHECK(!f.exists(a));
}

TEST_CASE("in a removed folder nothing can be made") {
    Fixture f;
    const SessionId session = f.session();
    const Ino folder = f.mkdir(1, "folder");
    const Ino file = f.create(1, "file");
    REQUIRE(f.volume->apply(session, wire::Rmdir{.parent = 1, .name = "folder"}, {session}));

    CHECK(code_of(f.apply(wire::Make{.parent = folder, .name = "a", .mode = S_IFREG})) == ENOENT);
    CHECK(code_of(f.apply(wire::Link{.ino = file, .parent = folder, .name = "a"})) == ENOENT);
    CHECK(rename_code(f, 1, "file", folder, "a") == ENOENT);
    CHECK(code_of(f.lookup("a", folder)) == ENOENT);
}

TEST_CASE("rename moves a file, and a folder with its '..' and its parents' counts") {
    Fixture f;
    const Ino a = f.mkdir(1, "a"), b = f.mkdir(1, "b"), inner = f.mkdir(a, "inner");
    const Ino file = f.create(a, "file");
    CHECK(rename_code(f, a, "file", b, "moved") == 0);
    CHECK(f.lookup("moved", b).value().attr.ino == file);
    CHECK(code_of(f.lookup("file", a)) == ENOENT);
    CHECK(f.attr(file).ctime == f.now);
    CHECK(f.attr(a).mtime == f.now);

    CHECK(rename_code(f, a, "inner", b, "inner") == 0);
    CHECK(f.attr(a).nlink == 2);
    CHECK(f.attr(b).nlink == 3);
    CHECK(f.lookup("..", inner).value().attr.ino == b);
}

TEST_CASE("a rename over a file replaces it and tells what it was") {
    Fixture f;
    const SessionId session = f.session();
    const Ino a = f.create(1, "a"), b = f.create(1, "b");
    const Call call{session, 0, wire::Rename{1, "a", 1, "b", 0, 9}, 0, {session}};
    const Outcome outcome = std::move(f.volume->apply({&call, 1}).front());
    REQUIRE(outcome.reply);
    CHECK(std::get<wire::Removed>(*outcome.reply).attr.ino == b);
    CHECK(std::get<wire::Removed>(*outcome.reply).moved == a);
    CHECK(f.lookup("b").value().attr.ino == a);
    CHECK(f.attr(b).nlink == 0);
    f.end(session);
    CHECK(!f.exists(b));
}

TEST_CASE("a rename onto another name of the same file does nothing") {
    Fixture f;
    const Ino a = f.create(1, "a");
    REQUIRE(f.apply(wire::Link{.ino = a, .parent = 1, .name = "b"}));
    const auto before = f.dump();
    CHECK(rename_code(f, 1, "a", 1, "b") == 0);
    CHECK(rename_code(f, 1, "a", 1, "a") == 0);
    CHECK(rename_code(f, 1, "a", 1, "b", RENAME_EXCHANGE) == 0);
    CHECK(f.dump() == before);
}

TEST_CASE("renames that cannot be are refused and change nothing") {
    Fixture f;
    const Ino a = f.mkdir(1, "a"), b = f.mkdir(a, "b"), full = f.mkdir(1, "full");
    f.create(1, "file");
    f.create(full, "x");
    const auto before = f.dump();
    CHECK(rename_code(f, 1, "none", 1, "x") == ENOENT);
    CHECK(rename_code(f, 1, "a", b, "c") == EINVAL);
    CHECK(rename_code(f, 1, "a", a, "c") == EINVAL);
    CHECK(rename_code(f, 1, "a", 1, "file") == ENOTDIR);
    CHECK(rename_code(f, 1, "file", 1, "a") == EISDIR);
    CHECK(rename_code(f, 1, "a", 1, "full") == ENOTEMPTY);
    CHECK(rename_code(f, a, "b", 1, "a") == ENOTEMPTY);
    CHECK(rename_code(f, 1, "file", 1, "a", RENAME_NOREPLACE) == EEXIST);
    CHECK(rename_code(f, 1, "file", 1, "none", RENAME_EXCHANGE) == ENOENT);
    CHECK(rename_code(f, 1, "a", b, "c", RENAME_EXCHANGE) == ENOENT);
    CHECK(rename_code(f, 1, "file", 1, "x", RENAME_NOREPLACE | RENAME_EXCHANGE) == EINVAL);
    CHECK(rename_code(f, 1, "file", 1, "x", RENAME_WHITEOUT | RENAME_EXCHANGE) == EINVAL);
    CHECK(rename_code(f, 1, "file", 1, "x", 8) == EINVAL);
    CHECK(rename_code(f, 1, "file", 1, std::string(256, 'x')) == ENAMETOOLONG);
    CHECK(f.dump() == before);
}

TEST_CASE("an exchange swaps a file and a folder between folders") {
    Fixture f;
    const Ino a = f.mkdir(1, "a"), b = f.mkdir(1, "b");
    const Ino file = f.create(a, "file"), folder = f.mkdir(b, "folder");
    CHECK(rename_code(f, a, "file", b, "folder", RENAME_EXCHANGE) == 0);
    CHECK(f.lookup("file", a).value().attr.ino == folder);
    CHECK(f.lookup("folder", b).value().attr.ino == file);
    CHECK(f.attr(a).nlink == 3);
    CHECK(f.attr(b).nlink == 2);
    CHECK(f.attr(folder).parent == a);
    CHECK(rename_code(f, 1, "a", a, "file", RENAME_EXCHANGE) == EINVAL);
    CHECK(rename_code(f, a, "file", 1, "a", RENAME_EXCHANGE) == EINVAL);
}

TEST_CASE("a rename with a whiteout leaves a device with number 0, which counts as an inode") {
    Fixture f({.max_inodes = 4});
    const Ino a = f.create(1, "a"), old = f.create(1, "b");
    const auto whiteout = [&](const char* from, const char* to, std::uint32_t flags = 0) {
        return code_of(
            f.apply(wire::Rename{1, from, 1, to, RENAME_WHITEOUT | flags, ++f.now, {7, 8}}));
    };

    CHECK(whiteout("a", "b", RENAME_NOREPLACE) == EEXIST);
    REQUIRE(whiteout("a", "b") == 0);
    CHECK(f.lookup("b").value().attr.ino == a);
    CHECK(!f.exists(old));
    const wire::Attr left = f.lookup("a").value().attr;
    CHECK(left.mode == S_IFCHR);
    CHECK(left.rdev == 0);
    CHECK(left.uid == 7);
    CHECK(left.nlink == 1);
    f.create(1, "c");
    CHECK(whiteout("b", "d") == ENOSPC);
    CHECK(f.lookup("b").value().attr.ino == a);
}

TEST_CASE("a folder is replaced only by a folder, when empty") {
    Fixture f;
    const Ino a = f.mkdir(1, "a");
    f.mkdir(1, "b");
    CHECK(rename_code(f, 1, "a", 1, "b") == 0);
    CHECK(f.lookup("b").value().attr.ino == a);
    CHECK(f.attr(1).nlink == 3);
}

TEST_CASE("a listing in pieces of any size has each name once, with or without attributes") {
    Fixture f;
    const Ino folder = f.mkdir(1, "folder");
    std::set<std::string> made;
    for (int i = 0; i < 100; ++i) {
        made.insert("name" + std::to_string(i));
        f.create(folder, "name" + std::to_string(i));
    }
    for (const std::uint32_t limit : {0u, 1u, 7u, 100u, 1000u}) {
        for (const bool plus : {false, true}) {
            const auto listed = names(f, folder, limit, plus);
            CHECK(listed.size() == made.size());
            CHECK(std::set(listed.begin(), listed.end()) == made);
        }
    }
    const auto listing = f.volume->read(wire::ReadDir{1, 0, 10, true}).value();
    REQUIRE(listing.entries.size() == 1);
    CHECK(listing.entries[0].attr == f.attr(folder));
    CHECK(S_ISDIR(listing.entries[0].mode));
    CHECK(code_of(f.volume->read(wire::ReadDir{f.create(1, "file")})) == ENOTDIR);
    CHECK(f.volume->read(wire::ReadDir{1, UINT64_MAX}).value().end);
}

TEST_CASE("lookups tell a missing name, a file as parent, and a missing parent apart") {
    Fixture f;
    const Ino file = f.create(1, "file");
    CHECK(code_of(f.lookup("none")) == ENOENT);
    CHECK(code_of(f.lookup("none", file)) == ENOTDIR);
    CHECK(code_of(f.lookup("..", file)) == ENOTDIR);
    CHECK(code_of(f.lookup("none", 99)) == ESTALE);
    CHECK(code_of(f.lookup(std::string(256, 'x'))) == ENAMETOOLONG);
}

TEST_CASE("inode numbers are never given twice, not even after the newest was deleted") {
    Fixture f;
    f.create(1, "a");
    const Ino b = f.create(1, "b");
    REQUIRE(f.apply(wire::Unlink{.parent = 1, .name = "b"}));
    f.reopen();
    const Ino c = f.create(1, "c");
    CHECK(c == b + 1);
    REQUIRE(f.apply(wire::Unlink{.parent = 1, .name = "c"}));
    REQUIRE(f.apply(wire::Unlink{.parent = 1, .name = "a"}));
    f.crash();
    CHECK(f.create(1, "d") == c + 1);
    CHECK(f.volume->read(wire::StatFs()).value().inodes == 2);
}

TEST_CASE("the hash of a name is for ever") {
    CHECK(name_hash("", 0) == 7565435706391538070u);
    CHECK(name_hash("a file of 17 byte", 42) == 1550486211268486836u);
    CHECK(name_hash("a", 0) != name_hash("b", 0));
    CHECK(name_hash("a", 0) != name_hash("a", 1));
    CHECK(name_hash("eight888", 42) != name_hash("eight88", 42));
}

}  // namespace flexfs::meta
