// A disk that is really full: a small filesystem in memory, which only root can mount.
#include <doctest/doctest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "lib/meta/volume.h"

namespace flexfs::meta {
namespace {

class SmallDisk {
public:
    std::string path = std::filesystem::temp_directory_path() / "flexfs-full-XXXXXX";
    bool mounted = false;

    SmallDisk() {
        REQUIRE(::mkdtemp(path.data()));
        mounted = ::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=30m") == 0;
    }
    ~SmallDisk() {
        if (mounted) ::umount(path.c_str());
        std::filesystem::remove_all(path);
    }
};

Result<wire::Entry> create(Volume& volume, const std::string& name) {
    return volume.apply(0, wire::Make{.parent = 1, .name = name, .mode = S_IFREG | 0644, .now = 2});
}

}  // namespace

TEST_CASE("on a full disk files can be deleted, nothing is lost, and room lets creates go on") {
    SmallDisk disk;
    if (!disk.mounted) {
        MESSAGE("only root can mount a small disk");
        return;
    }
    const Options options{.path = disk.path + "/meta.db", .now = 1};
    auto volume = std::move(Volume::open(options).value());
    std::ofstream(disk.path + "/filler") << std::string(15 << 20, 'x');
    int made = 0;
    while (create(*volume, std::to_string(made))) ++made;
    REQUIRE(made > 1000);
    CHECK(code_of(create(*volume, "more")) == ENOSPC);

    for (int i = 0; i < made; i += 2)
        REQUIRE(volume->apply(0, wire::Unlink{1, std::to_string(i), 3}));
    CHECK(code_of(create(*volume, "more")) == ENOSPC);
    CHECK(volume->verify().value().empty());
    const auto before = volume->dump().value();
    volume.reset();
    volume = std::move(Volume::open(options).value());
    CHECK(volume->dump().value() == before);

    std::filesystem::remove(disk.path + "/filler");
    CHECK(create(*volume, "more"));
}

}  // namespace flexfs::meta
