#include "lib/process/mount_table.h"

#include <doctest/doctest.h>

namespace flexfs::process {
namespace {

constexpr std::string_view sample =
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
    "40 22 0:52 / /mnt/a\\040b rw,nosuid,noatime shared:7 master:3 - fuse.flexfs "
    "file:///data\\040x?latency=1ms rw,user_id=0\n"
    "41 40 0:53 / /mnt/a\\040b/inner ro - tmpfs none rw\n"
    "42 22 0:54 / /mnt/a\\040bc rw - tmpfs none rw\n";

}  // namespace

TEST_CASE("a mount table is read with its optional fields and its escapes") {
    const auto table = parse_mount_table(sample);

    REQUIRE(table.size() == 4);
    CHECK(table[1].device == "0:52");
    CHECK(table[1].path == "/mnt/a b");
    CHECK(table[1].options == "rw,nosuid,noatime");
    CHECK(table[1].type == "fuse.flexfs");
    CHECK(table[1].source == "file:///data x?latency=1ms");
}

TEST_CASE("lines that are no mounts are left out") {
    CHECK(parse_mount_table("").empty());
    CHECK(parse_mount_table("\n36 35 0:1 / /mnt rw\n36 35 0:1 / /mnt rw -\nnonsense").empty());
}

TEST_CASE("only what is mounted below a folder is below it") {
    const auto table = parse_mount_table(sample);

    const auto below = mounts_below(table, "/mnt/a b");
    REQUIRE(below.size() == 1);
    CHECK(below[0].path == "/mnt/a b/inner");
    CHECK(mounts_below(table, "/").size() == 4);
    CHECK(mounts_below(table, "/mnt/a b/inner").empty());
}

TEST_CASE("this process finds its own mounts, and no namespace has a mount that does not match") {
    CHECK(is_mount_point("/proc"));
    CHECK(mounted_on("/proc")->type == "proc");
    CHECK(!is_mount_point("/proc/self"));
    CHECK(mounted_elsewhere([](const auto&) { return false; }).empty());
}

}  // namespace flexfs::process
