#include "roles/mount/running.h"

#include <doctest/doctest.h>

#include <cerrno>

namespace flexfs::mount {
namespace {

process::MountEntry entry(std::string path, std::string source, std::string type = "fuse.flexfs") {
    return {.device = source,
            .path = std::move(path),
            .type = std::move(type),
            .source = std::move(source)};
}

}  // namespace

TEST_CASE("a mount that nothing depends on stands alone") {
    const std::vector<process::MountEntry> table{
        entry("/", "/dev/sda1", "ext4"), entry("/mnt/a", "/data/a"), entry("/mnt/ab", "/data/b"),
        entry("/mnt/c", "memory:")};

    CHECK(find_dependent(table, "/mnt/a").path.empty());
}

TEST_CASE("mounts inside a mount depend on it") {
    const std::vector<process::MountEntry> table{entry("/mnt/a", "/data/a"),
                                                 entry("/mnt/a/x", "none", "tmpfs"),
                                                 entry("/mnt/a/x/y", "/data/y")};

    const Dependent found = find_dependent(table, "/mnt/a");
    CHECK(found.path == "/mnt/a/x/y");  // the innermost has to be unmounted first
    CHECK(found.how == Dependent::How::below);
}

TEST_CASE("a bind mount of a mount depends on it") {
    const std::vector<process::MountEntry> table{
        entry("/mnt/a", "none", "tmpfs"), entry("/mnt/a", "/data/a"), entry("/mnt/b", "/data/a"),
        entry("/mnt/c", "none", "tmpfs")};

    const Dependent found = find_dependent(table, "/mnt/a");
    CHECK(found.path == "/mnt/b");
    CHECK(found.how == Dependent::How::bound);
    CHECK(find_dependent(table, "/mnt/d").path.empty());
}

TEST_CASE("a mounted volume whose folder is inside a mount depends on it") {
    const std::vector<process::MountEntry> table{entry("/mnt/a", "/data/a"),
                                                 entry("/mnt/b", "file:///mnt/a/b?latency=1ms")};

    const Dependent found = find_dependent(table, "/mnt/a");
    CHECK(found.path == "/mnt/b");
    CHECK(found.how == Dependent::How::kept);
    CHECK(find_dependent(table, "/mnt/b").path.empty());
}

TEST_CASE("a mount that is not ours is refused with the reason") {
    CHECK(not_ours("/none/such").error().message() == "nothing is mounted on /none/such");
    CHECK(not_ours("/proc").error().message() ==
          "/proc is not a flexfs mount but one of type proc");
    CHECK(!is_dead("/proc"));
    CHECK(!of_another_home("/proc"));
}

}  // namespace flexfs::mount
