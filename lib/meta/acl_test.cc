// Access control lists: which are valid, how they change modes, and how they are inherited.
#include "lib/meta/acl.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cerrno>

#include "lib/meta/fixture_test.h"

namespace flexfs::meta {
namespace {

const AclEntry owner_rwx{AclTag::owner, 7}, group_rx{AclTag::group_owner, 5},
    other_none{AclTag::other, 0}, mask_rwx{AclTag::mask, 7};

AclEntry user(std::uint32_t id, std::uint32_t permissions) {
    return {AclTag::user, permissions, id};
}

Buffer value(std::vector<AclEntry> entries) {
    return encode_acl({std::move(entries)});
}

// u:7:rwx, mask rwx: the mode is 0770, and the list says more.
Buffer shared_with_7() {
    return value({owner_rwx, user(7, 7), group_rx, mask_rwx, other_none});
}

int code(std::vector<AclEntry> entries) {
    return code_of(decode_acl(value(std::move(entries))));
}

}  // namespace

struct AclFixture : Fixture {
    int set(Ino ino, std::string_view name, Buffer acl) {
        return code_of(apply(wire::SetXattr{
            .ino = ino, .name = std::string(name), .value = std::move(acl), .now = ++now}));
    }
    // Returns an empty optional for ENODATA.
    std::optional<Buffer> get(Ino ino, std::string_view name) {
        auto got = volume->read(wire::GetXattr{ino, std::string(name)});
        if (code_of(got) == ENODATA) return std::nullopt;
        return got.value().value;
    }
    std::uint32_t mode(Ino ino) { return attr(ino).mode & 07777; }
    void chmod(Ino ino, std::uint32_t mode) {
        wire::SetAttr request{.ino = ino, .mask = wire::set_mode, .now = ++now};
        request.attr.mode = mode;
        REQUIRE(apply(request));
    }
    Ino make_masked(Ino parent, const std::string& name, std::uint32_t mode) {
        return apply(wire::Make{
                         .parent = parent, .name = name, .mode = mode, .now = ++now, .umask = 027})
            .value()
            .attr.ino;
    }
};

TEST_CASE("an invalid ACL is refused") {
    CHECK(code({owner_rwx, group_rx, other_none}) == 0);
    CHECK(code({owner_rwx, group_rx, mask_rwx, other_none}) == 0);
    CHECK(code({}) == 0);
    CHECK(code({owner_rwx, group_rx}) == EINVAL);
    CHECK(code({group_rx, other_none}) == EINVAL);
    CHECK(code({owner_rwx, owner_rwx, group_rx, other_none}) == EINVAL);
    CHECK(code({owner_rwx, other_none, group_rx}) == EINVAL);
    CHECK(code({owner_rwx, user(7, 7), group_rx, other_none}) == EINVAL);  // no mask
    CHECK(code({owner_rwx, user(UINT32_MAX, 7), group_rx, mask_rwx, other_none}) == EINVAL);
    CHECK(code({owner_rwx, {AclTag(3), 7}, group_rx, other_none}) == EINVAL);
    CHECK(code({{AclTag::owner, 8}, group_rx, other_none}) == EINVAL);
}

TEST_CASE("an access ACL sets the mode and is kept when it says more") {
    AclFixture f;
    const Ino a = f.create(1, "a", 02644);
    REQUIRE(f.set(a, acl_access_name, value({owner_rwx, group_rx, other_none})) == 0);
    CHECK(f.mode(a) == 02750);
    CHECK(!f.get(a, acl_access_name));
    CHECK(!f.attr(a).has_xattrs);

    REQUIRE(f.set(a, acl_access_name, shared_with_7()) == 0);
    CHECK(f.mode(a) == 02770);
    CHECK(f.get(a, acl_access_name) == shared_with_7());
    CHECK(f.attr(a).has_xattrs);
    CHECK(f.attr(a).ctime == f.now);

    REQUIRE(f.set(a, acl_access_name, value({owner_rwx, group_rx, other_none})) == 0);
    CHECK(f.mode(a) == 02750);
    CHECK(!f.get(a, acl_access_name));
    CHECK(!f.attr(a).has_xattrs);
}

TEST_CASE("an ACL or a value that is there already is no change: the ctime stays") {
    AclFixture f;
    const Ino a = f.create(1, "a", 0644);
    REQUIRE(f.set(a, acl_access_name, shared_with_7()) == 0);
    REQUIRE(f.set(a, "user.a", Buffer::copy_of("value")) == 0);
    const auto before = f.attr(a).ctime;

    CHECK(f.set(a, acl_access_name, shared_with_7()) == 0);
    CHECK(f.set(a, "user.a", Buffer::copy_of("value")) == 0);
    CHECK(f.attr(a).ctime == before);
    CHECK(f.set(a, "user.a", Buffer::copy_of("other")) == 0);
    CHECK(f.attr(a).ctime > before);
}

TEST_CASE("setting an ACL without being in the file's group clears setgid") {
    AclFixture f;
    const Ino a = f.create(1, "a", 02644);
    REQUIRE(f.apply(wire::SetXattr{.ino = a,
                                   .name = std::string(acl_access_name),
                                   .value = shared_with_7(),
                                   .kill_setgid = true}));
    CHECK(f.mode(a) == 0770);
}

TEST_CASE("chmod changes the mask, and without one the group's entry") {
    AclFixture f;
    const Ino a = f.create(1, "a");
    REQUIRE(f.set(a, acl_access_name, shared_with_7()) == 0);
    f.chmod(a, 0641);
    CHECK(f.mode(a) == 0641);
    CHECK(f.get(a, acl_access_name) ==
          value({{AclTag::owner, 6}, user(7, 7), group_rx, {AclTag::mask, 4}, {AclTag::other, 1}}));

    Acl plain{{owner_rwx, group_rx, other_none}};
    plain.chmod(0641);
    CHECK(plain.permissions() == 0641);
}

TEST_CASE("removing an ACL leaves the mode, and may be done again") {
    AclFixture f;
    const Ino a = f.create(1, "a");
    const wire::RemoveXattr remove{a, std::string(acl_access_name), 5};
    REQUIRE(f.set(a, acl_access_name, shared_with_7()) == 0);
    REQUIRE(f.apply(remove));
    CHECK(f.mode(a) == 0770);
    CHECK(!f.attr(a).has_xattrs);
    const auto before = f.dump();
    CHECK(f.apply(remove));
    CHECK(f.dump() == before);
}

TEST_CASE("default ACLs are for directories, and symlinks have none at all") {
    AclFixture f;
    const Ino file = f.create(1, "file"), folder = f.mkdir(1, "folder");
    const Ino link =
        f.apply(wire::Make{.parent = 1, .name = "l", .mode = S_IFLNK | 0777, .target = "t"})
            .value()
            .attr.ino;
    CHECK(f.set(file, acl_default_name, shared_with_7()) == EACCES);
    CHECK(f.set(link, acl_access_name, shared_with_7()) == EOPNOTSUPP);
    CHECK(f.set(folder, acl_default_name, Buffer::copy_of("abc")) == EINVAL);

    CHECK(f.set(folder, acl_default_name, value({owner_rwx, group_rx, other_none})) == 0);
    CHECK(f.mode(folder) == 0755);
    CHECK(f.get(folder, acl_default_name) == value({owner_rwx, group_rx, other_none}));
    CHECK(f.set(folder, acl_default_name, value({})) == 0);
    CHECK(!f.get(folder, acl_default_name));
}

TEST_CASE("without a default ACL the umask holds, for all but symlinks") {
    AclFixture f;
    const Ino link =
        f.apply(wire::Make{
                    .parent = 1, .name = "l", .mode = S_IFLNK | 0777, .target = "t", .umask = 027})
            .value()
            .attr.ino;
    CHECK(f.mode(f.make_masked(1, "file", S_IFREG | 06666)) == 06640);
    CHECK(f.mode(f.make_masked(1, "folder", S_IFDIR | 0777)) == 0750);
    CHECK(f.mode(f.make_masked(1, "pipe", S_IFIFO | 0666)) == 0640);
    CHECK(f.mode(link) == 0777);
}

TEST_CASE("a default ACL takes the umask's place, and makes the access ACL with the mode") {
    AclFixture f;
    const Ino parent = f.mkdir(1, "parent");
    REQUIRE(f.set(parent, acl_default_name, shared_with_7()) == 0);

    const Ino file = f.make_masked(parent, "file", S_IFREG | 0664);
    CHECK(f.mode(file) == 0660);
    CHECK(f.get(file, acl_access_name) ==
          value({{AclTag::owner, 6}, user(7, 7), group_rx, {AclTag::mask, 6}, other_none}));
    CHECK(!f.get(file, acl_default_name));

    const Ino folder = f.make_masked(parent, "folder", S_IFDIR | 0755);
    CHECK(f.mode(folder) == 0750);
    CHECK(f.get(folder, acl_access_name) ==
          value({owner_rwx, user(7, 7), group_rx, {AclTag::mask, 5}, other_none}));
    CHECK(f.get(folder, acl_default_name) == shared_with_7());
}

TEST_CASE("a default ACL that a mode can say makes a mode and no access ACL") {
    AclFixture f;
    const Ino parent = f.mkdir(1, "parent");
    REQUIRE(f.set(parent, acl_default_name, value({owner_rwx, group_rx, other_none})) == 0);
    const Ino file = f.make_masked(parent, "file", S_IFREG | 0666);
    CHECK(f.mode(file) == 0640);
    CHECK(!f.attr(file).has_xattrs);
}

}  // namespace flexfs::meta
