// Permissions of a squashed root; no other caller is checked.
#include "lib/meta/permission.h"

#include <doctest/doctest.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cerrno>

#include "lib/meta/fixture_test.h"

namespace flexfs::meta {
namespace {

constexpr wire::Who root{0, 0}, alice{7, 8};
constexpr wire::Squash squash{.root = true, .uid = 100, .gid = 200};
constexpr wire::Who squashed{100, 200};

}  // namespace

struct SquashFixture : Fixture {
    SessionId session =
        volume->apply(0, wire::OpenSession{.client = "s", .squash = squash}).value().session;
    Ino theirs = mkdir(1, "theirs", 0755, alice);
    Ino shared = mkdir(1, "shared", 0777, alice);
    Ino file = create(theirs, "file", 0644, alice);

    template <class M>
    int ask(M request, wire::Who who = root) {
        request.who = who;
        return code_of(volume->apply(session, std::move(request)));
    }
    int may(Ino ino, std::uint32_t mask, wire::Who who = root) {
        return code_of(volume->read(wire::Access{ino, mask, who}, session));
    }
    wire::Make make(Ino parent, const std::string& name, std::uint32_t mode) {
        return {.parent = parent, .name = name, .mode = mode, .now = ++now};
    }
    int set(Ino ino, std::uint32_t mask, const wire::Attr& wanted, wire::Who who = root) {
        return ask(wire::SetAttr{.ino = ino, .mask = mask, .attr = wanted, .now = ++now}, who);
    }
    int set_xattr(Ino ino, const std::string& name) {
        return ask(wire::SetXattr{.ino = ino, .name = name, .now = ++now});
    }
    Ino own(const std::string& name, std::uint32_t mode = S_IFREG | 0644) {
        REQUIRE(ask(make(shared, name, mode)) == 0);
        return lookup(name, shared).value().attr.ino;
    }
};

TEST_CASE("inodes made by a squashed root belong to the other user") {
    SquashFixture f;
    const Ino made = f.own("f");
    CHECK(f.attr(made).uid == squash.uid);
    CHECK(f.attr(made).gid == squash.gid);
    CHECK(f.ask(f.make(f.shared, "dev", S_IFCHR | 0600)) == EPERM);
    CHECK(f.ask(f.make(f.shared, "pipe", S_IFIFO | 0600)) == 0);
}

TEST_CASE("permissions hold a squashed root, and nobody else") {
    SquashFixture f;
    CHECK(f.may(f.file, wire::access_read) == 0);
    CHECK(f.may(f.file, wire::access_read | wire::access_write) == EACCES);
    CHECK(f.may(f.file, wire::access_write, {9, 9}) == 0);
    CHECK(code_of(f.volume->read(wire::Access{f.file, wire::access_write, root},
                                 f.Fixture::session())) == 0);

    CHECK(f.ask(f.make(f.theirs, "new", S_IFREG | 0644)) == EACCES);
    CHECK(f.ask(f.make(f.theirs, "file", S_IFREG | 0644)) == EEXIST);
    CHECK(f.ask(wire::Unlink{f.theirs, "file", 5}) == EACCES);
    CHECK(f.ask(wire::Rmdir{1, "theirs", 5}) == EACCES);
    CHECK(f.ask(wire::Link{f.file, f.theirs, "link", 5}) == EACCES);
    CHECK(f.ask(wire::Link{f.file, f.shared, "link", 5}) == 0);
    CHECK(f.ask(wire::Unlink{f.theirs, "file", 5}, {9, 9}) == 0);
}

TEST_CASE("a rename asks both folders, and the folder that moves") {
    SquashFixture f;
    f.own("a");
    const Ino folder = f.mkdir(f.shared, "folder", 0755, alice);
    f.mkdir(f.shared, "e", 0777, alice);
    const auto rename = [&](Ino from, const char* name, Ino to, const char* new_name) {
        return f.ask(wire::Rename{from, name, to, new_name, 0, ++f.now});
    };
    CHECK(rename(f.theirs, "file", f.shared, "b") == EACCES);
    CHECK(rename(f.shared, "a", f.theirs, "b") == EACCES);
    CHECK(rename(f.shared, "a", f.shared, "b") == 0);
    CHECK(rename(f.shared, "folder", f.lookup("e", f.shared).value().attr.ino, "x") == EACCES);
    CHECK(rename(f.shared, "folder", f.shared, "x") == 0);
    CHECK(f.attr(folder).parent == f.shared);
}

TEST_CASE("the whiteout of a squashed root is its other self's") {
    SquashFixture f;
    f.own("a");
    const wire::Rename request{f.shared, "a", f.shared, "b", RENAME_WHITEOUT, ++f.now};
    REQUIRE(f.ask(request) == 0);
    const wire::Attr whiteout = f.lookup("a", f.shared).value().attr;
    CHECK(S_ISCHR(whiteout.mode));
    CHECK(whiteout.uid == squash.uid);
    CHECK(whiteout.gid == squash.gid);
}

TEST_CASE("a rename into itself is EINVAL also for who may not rename") {
    SquashFixture f;
    const Ino folder = f.mkdir(f.theirs, "folder", 0755, alice);
    CHECK(f.ask(wire::Rename{f.theirs, "folder", folder, "x", 0, ++f.now}) == EINVAL);
}

TEST_CASE("a change that flags forbid is EPERM for every caller, before EACCES") {
    SquashFixture f;
    const auto set_flags = [&](Ino ino, std::uint32_t flags) {
        return f.set(ino, wire::set_flags, {.flags = flags}, alice);
    };
    REQUIRE(set_flags(f.file, wire::flag_immutable) == 0);
    for (const wire::Who who : {root, alice}) {
        CHECK(f.set(f.file, wire::set_size, {}, who) == EPERM);
        CHECK(f.ask(wire::SetXattr{.ino = f.file, .name = "user.a", .now = ++f.now}, who) == EPERM);
        CHECK(f.ask(wire::Unlink{f.theirs, "file", ++f.now}, who) == EPERM);
        CHECK(f.ask(wire::Link{f.file, f.shared, "new", ++f.now}, who) == EPERM);
    }
    REQUIRE(set_flags(f.theirs, wire::flag_immutable) == 0);
    CHECK(f.ask(f.make(f.theirs, "new", S_IFREG | 0644)) == EPERM);
}

TEST_CASE("a sticky folder keeps the files of others from a squashed root") {
    SquashFixture f;
    const Ino tmp = f.mkdir(1, "tmp", 01777, alice);
    f.create(tmp, "f", 0666, alice);
    REQUIRE(f.ask(f.make(tmp, "own", S_IFREG | 0644)) == 0);
    CHECK(f.ask(wire::Unlink{tmp, "f", 5}) == EPERM);
    CHECK(f.ask(wire::Rename{tmp, "own", tmp, "f", 0, 5}) == EPERM);
    CHECK(f.ask(wire::Unlink{tmp, "own", 5}) == 0);
}

TEST_CASE("only its own files may a squashed root chmod, and none give away") {
    SquashFixture f;
    const Ino own = f.own("f");
    wire::Attr wanted{.mode = 02755, .uid = 7, .gid = 8};
    CHECK(f.set(f.file, wire::set_mode, wanted) == EPERM);
    CHECK(f.set(own, wire::set_uid, wanted) == EPERM);
    CHECK(f.set(own, wire::set_gid, wanted) == EPERM);
    CHECK(f.set(own, wire::set_mode, wanted) == 0);
    CHECK((f.attr(own).mode & 07777) == 02755);
    f.set(own, wire::set_gid, wanted, alice);  // alice's kernel would refuse this
    CHECK(f.set(own, wire::set_mode, wanted) == 0);
    CHECK((f.attr(own).mode & 07777) == 0755);
    wanted.flags = wire::flag_nodump;
    CHECK(f.set(own, wire::set_flags, wanted) == 0);
    wanted.flags = wire::flag_immutable;
    CHECK(f.set(own, wire::set_flags, wanted) == EPERM);
    wanted.gid = squash.gid;
    CHECK(f.set(own, wire::set_gid, wanted) == 0);
    CHECK(f.set(f.file, wire::set_gid, wanted) == EPERM);
}

TEST_CASE("times and sizes are for who may write, and times of one's choice for the owner") {
    SquashFixture f;
    const Ino open = f.create(1, "open", 06666, alice);
    constexpr std::uint32_t times = wire::set_atime | wire::set_mtime;
    CHECK(f.set(open, times, {}) == EPERM);
    CHECK(f.set(open, times | wire::set_touch, {}) == 0);
    CHECK(f.set(f.file, times | wire::set_touch, {}) == EACCES);
    CHECK(f.set(f.own("f"), times, {}) == 0);

    CHECK(f.set(f.file, wire::set_size, {}) == EACCES);
    CHECK(f.set(f.file, wire::set_size | wire::set_open, {}) == 0);
    CHECK((f.attr(open).mode & 07777) == 06666);
    CHECK(f.set(open, wire::set_size, {}) == 0);
    CHECK((f.attr(open).mode & 07777) == 02666);
}

TEST_CASE("a squashed root sets user attributes where it may write, and ACLs of its own files") {
    SquashFixture f;
    const Ino own = f.own("f"), open = f.create(1, "open", 0666, alice);
    CHECK(f.set_xattr(own, "user.a") == 0);
    CHECK(f.set_xattr(open, "user.a") == 0);
    CHECK(f.set_xattr(f.file, "user.a") == EACCES);
    CHECK(f.set_xattr(own, "trusted.a") == EPERM);
    CHECK(f.set_xattr(own, "security.a") == EPERM);
    CHECK(f.ask(wire::RemoveXattr{open, "user.a", 5}) == 0);
    const Acl acl{{{AclTag::owner, 7}, {AclTag::group_owner, 5}, {AclTag::other, 0}}};
    const auto set_acl = [&](Ino ino) {
        return f.ask(wire::SetXattr{
            .ino = ino, .name = std::string(acl_access_name), .value = encode_acl(acl)});
    };
    CHECK(set_acl(own) == 0);
    CHECK(set_acl(open) == EPERM);
}

TEST_CASE("an ACL lets a squashed root in or keeps it out") {
    SquashFixture f;
    const auto with = [&](AclEntry entry) {
        std::vector<AclEntry> entries = {{AclTag::owner, 7}, {AclTag::group_owner, 0}};
        entries.insert(entries.begin() + (entry.tag == AclTag::user ? 1 : 2), entry);
        entries.push_back({AclTag::mask, 6});
        entries.push_back({AclTag::other, 4});
        REQUIRE(f.apply(wire::SetXattr{
            .ino = f.file, .name = std::string(acl_access_name), .value = encode_acl({entries})}));
    };
    with({AclTag::user, 7, squashed.uid});
    CHECK(f.may(f.file, wire::access_read | wire::access_write) == 0);
    CHECK(f.may(f.file, wire::access_execute) == EACCES);  // because of the mask
    with({AclTag::user, 0, squashed.uid});
    CHECK(f.may(f.file, wire::access_read) == EACCES);
    with({AclTag::group, 6, squashed.gid});
    CHECK(f.may(f.file, wire::access_write) == 0);
    with({AclTag::group, 0, squashed.gid});
    CHECK(f.may(f.file, wire::access_read) == EACCES);
    with({AclTag::group, 0, 555});
    CHECK(f.may(f.file, wire::access_read) == 0);
    CHECK(f.may(f.file, wire::access_write) == EACCES);
}

TEST_CASE("a session's squash survives a restart") {
    SquashFixture f;
    f.reopen();
    CHECK(f.may(f.file, wire::access_write) == EACCES);
}

}  // namespace flexfs::meta
