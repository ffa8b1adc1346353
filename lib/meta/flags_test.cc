#include "lib/meta/flags.h"

#include <doctest/doctest.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cerrno>

#include "lib/meta/fixture_test.h"

namespace flexfs::meta {
namespace {

struct Flags : Fixture {
    int set_flags(Ino ino, std::uint32_t flags) {
        return set(ino, wire::set_flags, {.flags = flags});
    }
    int set(Ino ino, std::uint32_t mask, wire::Attr attr) {
        return code_of(apply(wire::SetAttr{.ino = ino, .mask = mask, .attr = attr, .now = ++now}));
    }
    int make_error(Ino parent, const std::string& name, std::uint32_t mode = S_IFREG) {
        return code_of(
            apply(wire::Make{.parent = parent, .name = name, .mode = mode | 0755, .now = ++now}));
    }
    int unlink(Ino parent, const std::string& name) {
        return code_of(apply(wire::Unlink{parent, name, ++now}));
    }
    int rmdir(Ino parent, const std::string& name) {
        return code_of(apply(wire::Rmdir{parent, name, ++now}));
    }
    int rename(Ino from, const std::string& name, Ino to, const std::string& new_name,
               std::uint32_t flags = 0) {
        return code_of(apply(wire::Rename{from, name, to, new_name, flags, ++now}));
    }
    int link(Ino ino, Ino parent, const std::string& name) {
        return code_of(apply(wire::Link{ino, parent, name, ++now}));
    }
};

}  // namespace

TEST_CASE("flags are kept, change the ctime, and others than ours are refused") {
    Flags f;
    const Ino file = f.create(1, "file");

    CHECK(f.set_flags(file, wire::flag_nodump | wire::flag_noatime) == 0);
    CHECK(f.attr(file).flags == (wire::flag_nodump | wire::flag_noatime));
    CHECK(f.attr(file).ctime == f.now);
    CHECK(f.set_flags(file, 8) == EOPNOTSUPP);
    CHECK(f.attr(file).flags == (wire::flag_nodump | wire::flag_noatime));
}

TEST_CASE("a no-op chown of an append-only file keeps setuid and is refused") {
    Flags f;
    const Ino plain = f.create(1, "plain", 0755), program = f.create(1, "program", 04755);
    REQUIRE(f.set_flags(plain, wire::flag_append) == 0);
    REQUIRE(f.set_flags(program, wire::flag_append) == 0);

    CHECK(f.set(plain, wire::set_kill_privileges, {}) == 0);
    CHECK(f.set(program, wire::set_kill_privileges, {}) == EPERM);
    CHECK((f.attr(program).mode & 07777) == 04755);
}

TEST_CASE("an immutable inode takes no change but that of its flags") {
    Flags f;
    const Ino file = f.create(1, "file");
    f.create(1, "other");
    REQUIRE(f.set_flags(file, wire::flag_immutable) == 0);
    const auto before = f.dump();

    CHECK(f.set(file, wire::set_mode, {.mode = 0600}) == EPERM);
    CHECK(f.set(file, wire::set_uid, {.uid = 1}) == EPERM);
    CHECK(f.set(file, wire::set_size, {}) == EPERM);
    CHECK(f.set(file, wire::set_mtime, {}) == EPERM);
    CHECK(f.set(file, wire::set_mtime | wire::set_atime | wire::set_touch, {}) == EPERM);
    CHECK(f.unlink(1, "file") == EPERM);
    CHECK(f.rename(1, "file", 1, "new") == EPERM);
    CHECK(f.rename(1, "other", 1, "file") == EPERM);
    CHECK(f.rename(1, "other", 1, "file", RENAME_EXCHANGE) == EPERM);
    CHECK(f.link(file, 1, "new") == EPERM);
    CHECK(code_of(f.apply(wire::SetXattr{file, "user.a", {}, 0, 1})) == EPERM);
    CHECK(code_of(f.apply(wire::RemoveXattr{file, "user.a", 1})) == EPERM);
    CHECK(f.dump() == before);

    CHECK(f.set_flags(file, 0) == 0);
    CHECK(f.unlink(1, "file") == 0);
}

TEST_CASE("an append-only file keeps its name and its attributes, but may be touched") {
    Flags f;
    const Ino file = f.create(1, "file");
    REQUIRE(f.set_flags(file, wire::flag_append) == 0);

    CHECK(f.set(file, wire::set_mode, {.mode = 0600}) == EPERM);
    CHECK(f.set(file, wire::set_size, {}) == EPERM);
    CHECK(f.set(file, wire::set_atime, {}) == EPERM);
    CHECK(f.unlink(1, "file") == EPERM);
    CHECK(f.link(file, 1, "new") == EPERM);
    CHECK(code_of(f.apply(wire::SetXattr{file, "user.a", {}, 0, 1})) == EPERM);
    CHECK(f.set(file, wire::set_mtime | wire::set_atime | wire::set_touch, {.mtime = 5}) == 0);
    CHECK(f.attr(file).mtime == 5);
}

TEST_CASE("an append-only file loses only the attributes that the kernel removes before a write") {
    Flags f;
    const Ino file = f.create(1, "file");
    const auto set = [&](const char* name) { return f.apply(wire::SetXattr{file, name, {}}); };
    const auto remove = [&](const char* name) {
        return code_of(f.apply(wire::RemoveXattr{file, name}));
    };
    REQUIRE(set("security.capability"));
    REQUIRE(set("security.other"));

    REQUIRE(f.set_flags(file, wire::flag_append) == 0);
    CHECK(remove("security.other") == EPERM);
    CHECK(remove("security.capability") == 0);
    REQUIRE(f.set_flags(file, wire::flag_immutable) == 0);
    CHECK(remove("security.capability") == EPERM);
}

TEST_CASE("an immutable folder gains and loses no names; an append-only one gains them") {
    Flags f;
    const Ino folder = f.mkdir(1, "folder");
    const Ino file = f.create(folder, "file");
    f.mkdir(folder, "sub");
    const Ino outside = f.create(1, "outside");

    REQUIRE(f.set_flags(folder, wire::flag_immutable) == 0);
    CHECK(f.make_error(folder, "file") == EEXIST);
    CHECK(f.make_error(folder, "new") == EPERM);
    CHECK(f.unlink(folder, "file") == EPERM);
    CHECK(f.rmdir(folder, "sub") == EPERM);
    CHECK(f.rename(folder, "file", 1, "out") == EPERM);
    CHECK(f.rename(1, "outside", folder, "in") == EPERM);
    CHECK(f.link(outside, folder, "in") == EPERM);
    CHECK(f.rmdir(1, "folder") == EPERM);
    CHECK(f.set(file, wire::set_mode, {.mode = 0600}) == 0);

    REQUIRE(f.set_flags(folder, wire::flag_append) == 0);
    CHECK(f.make_error(folder, "new", S_IFDIR) == 0);
    CHECK(f.link(outside, folder, "in") == 0);
    CHECK(f.rename(1, "outside", folder, "moved") == 0);
    CHECK(f.rename(folder, "file", folder, "renamed") == EPERM);
    CHECK(f.unlink(folder, "file") == EPERM);
    CHECK(f.rmdir(folder, "sub") == EPERM);
}

TEST_CASE("new inodes inherit nodump and noatime from their folder, and no other flag") {
    Flags f;
    const Ino folder = f.mkdir(1, "folder");
    REQUIRE(f.set_flags(folder, wire::flag_nodump | wire::flag_noatime | wire::flag_append) == 0);

    const Ino file = f.create(folder, "file");
    CHECK(f.attr(file).flags == (wire::flag_nodump | wire::flag_noatime));
}

}  // namespace flexfs::meta
