#include "lib/volume/description.h"

#include <doctest/doctest.h>

#include <cerrno>

namespace flexfs::volume {

TEST_CASE("properties that are not given have their defaults") {
    NewVolume wanted;
    wanted.block_bytes = 1 << 20;
    wanted.compression = "zstd";

    CHECK(wanted.info().block_bytes == 1 << 20);
    CHECK(wanted.info().compression == wire::Compression::zstd);
    CHECK(wanted.info().inline_bytes == wire::VolumeInfo().inline_bytes);
    CHECK(NewVolume().info() == wire::VolumeInfo());
}

TEST_CASE("a volume may be asked for again as it is, and only as it is") {
    wire::VolumeInfo known;
    known.max_inodes = 5;
    NewVolume same;
    same.max_inodes = 5;
    same.block_bytes = known.block_bytes;
    NewVolume more, larger;
    more.max_inodes = 6;
    larger.block_bytes = known.block_bytes / 2;

    CHECK(same.check_same(known, "/d"));
    CHECK(NewVolume().check_same(known, "/d"));
    CHECK(more.check_same(known, "/d").error().message() ==
          "--maxInodes 6: the volume in /d was made with 5; to change it, edit max_inodes in "
          "/d/volume.yaml");
    CHECK(larger.check_same(known, "/d").error().message() ==
          "--blockSize 2.0 MiB: the volume in /d was made with 4.0 MiB; that cannot be changed");
}

TEST_CASE("a volume's file says what the service knows of it, and back") {
    wire::VolumeInfo info;
    info.id = "01234567-89ab-4cde-8f01-23456789abcd";
    info.name = "letters";
    info.block_bytes = 1 << 20;
    info.inline_bytes = 0;
    info.max_blocks = 9;

    for (const char* name : {"none", "lz4", "zstd"}) {
        info.compression = *compression_from(name);
        CHECK(file_of(info).compression == name);
        CHECK(info_of(file_of(info)) == info);
    }
    CHECK(!compression_from("LZ4"));
    CHECK(!compression_from(""));
}

}  // namespace flexfs::volume
