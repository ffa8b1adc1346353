#include "lib/conf/volume.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <cerrno>
#include <filesystem>

#include "lib/base/uuid.h"
#include "lib/conf/file.h"

namespace flexfs::conf {
namespace {

constexpr const char* golden =
    "format: 1\n"
    "id: 1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b\n"
    "name: data\n"
    "block_size: 4MiB\n"
    "compression: lz4\n"
    "inline_size: 8KiB\n"
    "max_inodes: 0\n"
    "max_blocks: 0\n"
    "created: 2025-01-31T23:59:59Z\n";

struct Place {
    std::string folder, path;
    Place() {
        char name[] = "/tmp/flexfs-volume-XXXXXX";
        folder = mkdtemp(name);
        path = folder + "/volume.yaml";
    }
    ~Place() { std::filesystem::remove_all(folder); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    Result<Volume> load(const std::string& text) {
        CHECK(replace_file(path, text, Access::everyone));
        return load_volume(path);
    }
};

}  // namespace

TEST_CASE("volume.yaml has the keys that it had in the first release") {
    Place place;

    auto volume = place.load(golden);
    REQUIRE(volume);
    CHECK(volume->name == "data");
    CHECK(volume->block_bytes == 4 << 20);
    CHECK(volume->inline_bytes == 8 << 10);
    REQUIRE(save_volume(place.path, *volume));
    CHECK(read_file(place.path) == golden);
    CHECK(load_volume(place.path) == *volume);
}

TEST_CASE("a volume of a newer format is not touched") {
    Place place;

    const auto volume = place.load("format: 2\nshape: round\n");
    REQUIRE(!volume);
    CHECK(volume.error().code == EPROTO);
    CHECK(volume.error().context ==
          place.path + ": made by a newer flexfs (format 2; this one reads up to 1)");
}

TEST_CASE("a description that no volume can have is refused") {
    Place place;
    const std::string id = "format: 1\nid: " + make_uuid() + "\n";

    CHECK(place.load(id + "block_size: 256K\n"));
    for (const std::string& text :
         {std::string("format: 1\nid: x\nblock_size: 4MiB\n"), id, id + "block_size: 3MiB\n",
          id + "block_size: 16MiB\n", id + "block_size: 4MiB\ninline_size: 1MiB\n",
          id + "block_size: 4MiB\ncompression: gzip\n"}) {
        const auto volume = place.load(text);
        REQUIRE_MESSAGE(!volume, text);
        CHECK(volume.error().code == EINVAL);
    }
}

}  // namespace flexfs::conf
