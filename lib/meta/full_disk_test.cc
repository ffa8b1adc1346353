// Tests on a disk that is really full: a small filesystem in memory, which only root can mount.
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
    // The deletions left free pages in the database itself.
    CHECK(create(*volume, "again"));
    CHECK(volume->verify().value().empty());
    const auto before = volume->dump().value();
    volume.reset();
    volume = std::move(Volume::open(options).value());
    CHECK(volume->dump().value() == before);

    std::filesystem::remove(disk.path + "/filler");
    CHECK(create(*volume, "more"));
}

TEST_CASE("a volume that filled its disk by itself can be emptied, and filled again") {
    SmallDisk disk;
    if (!disk.mounted) return;
    const Options options{.path = disk.path + "/meta.db", .now = 1, .reserve_bytes = 4 << 20};
    auto volume = std::move(Volume::open(options).value());
    int made[2] = {0, 0};
    for (int round : {0, 1}) {
        const auto name = [&](int i) { return std::to_string(round) + "." + std::to_string(i); };
        std::vector<Ino> inos;
        for (;;) {
            const auto entry = create(*volume, name(made[round]));
            if (!entry) break;
            inos.push_back(entry->attr.ino);
            ++made[round];
            wire::InodeCommit change{.ino = inos.back(), .set_inline = true};
            change.inline_data = Buffer::copy_of(std::string(4000, 'x'));
            if (!volume->apply(0, wire::Commit{.inodes = {change}, .now = 2})) break;
        }
        REQUIRE(made[round] > 1000);
        // A kill in between: the records that are left in the journal need space, too.
        if (round == 1) {
            const auto before = volume->dump().value();
            volume.reset();
            volume = std::move(Volume::open(options).value());
            CHECK(volume->dump().value() == before);
        }

        for (int i = 0; i < made[round]; ++i)
            REQUIRE(volume->apply(0, wire::Unlink{1, name(i), 3}));
        REQUIRE(volume->apply(0, CondemnGarbage{4, 10}));
        REQUIRE(volume->commit());
    }
    CHECK(made[1] > made[0] / 2);
    CHECK(volume->verify().value().empty());
}

}  // namespace flexfs::meta
