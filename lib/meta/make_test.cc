#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cerrno>

#include "lib/meta/fixture_test.h"

namespace flexfs::meta {

TEST_CASE("a new file has its maker's ids, one link, and its maker's times") {
    Fixture f;
    auto made = f.apply(
        wire::Make{.parent = 1, .name = "a", .mode = S_IFREG | 0640, .now = 50, .who = {7, 8}});
    REQUIRE(made);

    const wire::Attr& a = made->attr;
    CHECK(a.mode == (S_IFREG | 0640));
    CHECK(a.uid == 7);
    CHECK(a.gid == 8);
    CHECK(a.nlink == 1);
    CHECK(a.btime == 50);
    CHECK(a.mtime == 50);
    CHECK(made->has_data);
    CHECK(f.lookup("a").value().attr == a);
    CHECK(f.attr(1).mtime == 50);
    CHECK(f.attr(1).ctime == 50);
    CHECK(f.attr(1).nlink == 2);
}

TEST_CASE("a folder counts its folders and '..' leads back") {
    Fixture f;
    const Ino a = f.mkdir(1, "a");
    const Ino b = f.mkdir(a, "b");

    CHECK(f.attr(1).nlink == 3);
    CHECK(f.attr(a).nlink == 3);
    CHECK(f.attr(b).nlink == 2);
    CHECK(f.lookup("..", b).value().attr.ino == a);
    CHECK(f.lookup(".", b).value().attr.ino == b);
    CHECK(f.lookup("..", 1).value().attr.ino == 1);
}

TEST_CASE("every inode is found by its number, and none that is gone") {
    Fixture f;
    const Ino file = f.create(1, "file");

    CHECK(f.lookup(".", file).value().attr.ino == file);
    CHECK(code_of(f.lookup("..", file)) == ENOTDIR);
    REQUIRE(f.apply(wire::Unlink{1, "file", 1}));
    CHECK(code_of(f.lookup(".", file)) == ESTALE);
}

TEST_CASE("in a setgid folder everything gets its group and folders the bit") {
    Fixture f;
    const Ino shared = f.mkdir(1, "shared", 02775, {1, 100});
    const wire::Attr folder = f.attr(f.mkdir(shared, "folder", 0755, {2, 200}));
    const wire::Attr file = f.attr(f.create(shared, "file", 0644, {2, 200}));

    CHECK(folder.gid == 100);
    CHECK((folder.mode & S_ISGID) != 0);
    CHECK(file.gid == 100);
    CHECK((file.mode & S_ISGID) == 0);
}

TEST_CASE("an existing name is EEXIST, and with existing_ok answered and left alone") {
    Fixture f;
    const Ino a = f.create(1, "a");
    const auto before = f.dump();
    wire::Make again{.parent = 1, .name = "a", .mode = S_IFREG | 0600, .now = 99};

    CHECK(code_of(f.apply(again)) == EEXIST);
    again.existing_ok = true;
    const Call call{0, 0, again};
    const Outcome outcome = std::move(f.volume->apply({&call, 1}).front());
    REQUIRE(outcome.reply);
    CHECK(!outcome.created);
    CHECK(std::get<wire::Entry>(*outcome.reply).attr.ino == a);
    CHECK(f.dump() == before);
}

TEST_CASE("names that cannot be are refused by their errno") {
    Fixture f;
    const Ino file = f.create(1, "file");
    const auto make = [&](Ino parent, std::string name) {
        return code_of(
            f.apply(wire::Make{.parent = parent, .name = std::move(name), .mode = S_IFDIR | 0755}));
    };
    CHECK(make(1, std::string(255, 'x')) == 0);
    CHECK(make(1, std::string(256, 'x')) == ENAMETOOLONG);
    CHECK(make(1, "a/b") == EINVAL);
    CHECK(make(1, std::string("a\0b", 3)) == EINVAL);
    CHECK(make(1, ".") == EINVAL);
    CHECK(make(file, "a") == ENOTDIR);
    CHECK(make(77, "a") == ESTALE);
}

TEST_CASE("a symlink keeps its target, and its size is the target's") {
    Fixture f;
    const wire::Make request{
        .parent = 1, .name = "l", .mode = S_IFLNK | 0777, .target = "to/there"};
    const Ino link = f.apply(request).value().attr.ino;

    CHECK(f.volume->read(wire::ReadLink{link}).value().target == "to/there");
    CHECK(f.attr(link).size == 8);
    CHECK(code_of(f.volume->read(wire::ReadLink{1})) == EINVAL);
    CHECK(code_of(f.apply(wire::Make{
              .parent = 1, .name = "m", .mode = S_IFLNK, .target = std::string(4096, 'x')})) ==
          ENAMETOOLONG);
}

TEST_CASE("the last inode of a limited volume is given, and then ENOSPC comes after EEXIST") {
    Fixture f({.max_inodes = 3});
    f.create(1, "a");
    f.create(1, "b");
    const auto before = f.dump();

    CHECK(code_of(f.apply(wire::Make{.parent = 1, .name = "c", .mode = S_IFREG})) == ENOSPC);
    CHECK(code_of(f.apply(wire::Make{.parent = 1, .name = "b", .mode = S_IFREG})) == EEXIST);
    CHECK(f.dump() == before);
    REQUIRE(f.apply(wire::Unlink{.parent = 1, .name = "a"}));
    CHECK(f.apply(wire::Make{.parent = 1, .name = "c", .mode = S_IFREG}));
}

TEST_CASE("a file without a name lives with its session and may be given one") {
    Fixture f;
    const SessionId session = f.session();
    const wire::Make nameless{.parent = 1, .mode = S_IFREG | 0600};
    const Ino named = f.volume->apply(session, nameless).value().attr.ino;
    const Ino lost = f.volume->apply(session, nameless).value().attr.ino;
    CHECK(f.attr(named).nlink == 0);

    REQUIRE(f.apply(wire::Link{.ino = named, .parent = 1, .name = "now"}));
    CHECK(f.attr(named).nlink == 1);
    f.end(session);
    CHECK(f.exists(named));
    CHECK(!f.exists(lost));
}

}  // namespace flexfs::meta
