#include "roles/install/place.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace flexfs::install {
namespace {

namespace fs = std::filesystem;

struct Root {
    fs::path path;
    Plan plan;

    Root() {
        char name[] = "/tmp/flexfs-install-XXXXXX";
        path = mkdtemp(name);
        write("build/flexfs", "program");
        plan = {(path / "build/flexfs").string(),
                (path / "bin").string(),
                (path / "sbin").string(),
                {"bench", "mount"}};
    }
    ~Root() { fs::remove_all(path); }
    Root(const Root&) = delete;
    Root& operator=(const Root&) = delete;

    std::vector<std::string> done;
    Result<void> place() {
        done.clear();
        return install::place(plan, done);
    }
    void write(const fs::path& name, std::string_view text) {
        fs::create_directories((path / name).parent_path());
        std::ofstream(path / name) << text;
    }
    std::string read(const fs::path& name) {
        std::ifstream file(path / name);
        return {std::istreambuf_iterator<char>(file), {}};
    }
};

}  // namespace

TEST_CASE("install copies the program and makes every name lead to the copy") {
    Root root;

    REQUIRE(root.place());
    CHECK(!fs::is_symlink(root.path / "bin/flexfs"));
    for (const char* name : {"bin/flexfs", "bin/bench.flexfs", "bin/mount.flexfs",
                             "sbin/mount.flexfs", "sbin/mount.fuse.flexfs"})
        CHECK(root.read(name) == "program");
    CHECK((fs::status(root.path / "bin/flexfs").permissions() & fs::perms(0777)) ==
          fs::perms(0755));
    CHECK(!fs::exists(root.path / "sbin/bench.flexfs"));
}

TEST_CASE("installing twice changes nothing and an upgrade replaces the copy") {
    Root root;
    REQUIRE(root.place());
    struct stat before{}, after{};
    REQUIRE(stat((root.path / "bin/flexfs").c_str(), &before) == 0);

    REQUIRE(root.place());
    REQUIRE(stat((root.path / "bin/flexfs").c_str(), &after) == 0);
    CHECK(before.st_ino == after.st_ino);
    root.write("build/flexfs", "newer program");
    REQUIRE(root.place());
    CHECK(root.read("sbin/mount.flexfs") == "newer program");
}

TEST_CASE("an installed program installs itself in place") {
    Root root;
    root.plan.binary = (root.path / "bin/flexfs").string();
    root.write("bin/flexfs", "program");

    REQUIRE(root.place());
    CHECK(root.read("bin/flexfs") == "program");
}

TEST_CASE("a file of somebody else is not overwritten") {
    Root root;
    root.write("sbin/mount.flexfs", "somebody's own script");

    const auto placed = root.place();
    REQUIRE(!placed);
    CHECK(placed.error().code == EEXIST);
    CHECK(placed.error().context.find("sbin/mount.flexfs") != std::string::npos);
    CHECK(root.read("sbin/mount.flexfs") == "somebody's own script");
    CHECK(root.done.size() == 3);
    CHECK(root.done.back() == (root.path / "bin/mount.flexfs").string() + " -> flexfs");
}

TEST_CASE("a folder that cannot be made is named") {
    Root root;
    root.plan.prefix = root.plan.binary + "/bin";

    const auto placed = root.place();
    REQUIRE(!placed);
    CHECK(placed.error().code == ENOTDIR);
    CHECK(placed.error().context == "cannot use the folder " + root.plan.prefix);
}

}  // namespace flexfs::install
