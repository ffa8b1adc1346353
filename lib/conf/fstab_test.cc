#include "lib/conf/fstab.h"

#include <doctest/doctest.h>

#include <cerrno>

namespace flexfs::conf {
namespace {

constexpr const char* before =
    "# /etc/fstab: a comment /data /mnt\n"
    "UUID=1234  /      ext4\terrors=remount-ro 0 1\n"
    "\n"
    "/swap none swap sw 0 0";
const FstabLine line{"/data", "/mnt", "_netdev,nofail"};

}  // namespace

TEST_CASE("a line is added at the end and everything else stays") {
    CHECK(with_line(before, line, false) ==
          std::string(before) + "\n/data /mnt flexfs _netdev,nofail 0 0\n");
    CHECK(with_line("", line, false) == "/data /mnt flexfs _netdev,nofail 0 0\n");
}

TEST_CASE("removing what was added gives the file back") {
    const std::string whole = std::string(before) + "\n";

    CHECK(without_line(*with_line(whole, line, false), "/data", "/mnt") == whole);
}

TEST_CASE("names with blanks, backslashes and hashes come back as they were") {
    const FstabLine odd{"/my data#1\\", "/m\tn\n", "ro"};

    CHECK(odd.text() == "/my\\040data\\0431\\134 /m\\011n\\012 flexfs ro 0 0\n");
    CHECK(without_line(odd.text(), odd.volume, odd.dir) == "");
}

TEST_CASE("a folder has one line, which only force replaces") {
    const std::string with = *with_line(before, line, false);
    const FstabLine other{"/other", "/mnt", "ro"};

    const auto refused = with_line(with, other, false);
    REQUIRE(!refused);
    CHECK(refused.error().code == EEXIST);
    CHECK(refused.error().context == "line 5 mounts /data on /mnt; --force replaces it");
    CHECK(with_line(with, other, true) == std::string(before) + "\n/other /mnt flexfs ro 0 0\n");
}

TEST_CASE("only the line that was meant is removed") {
    const std::string with = *with_line(before, line, false);

    CHECK(without_line(with, "/other", "/mnt").error().context ==
          "/mnt is for /data, not for /other");
    CHECK(without_line(with, "/data", "/elsewhere").error().code == ENOENT);
    CHECK(without_line("/data /mnt ext4 ro 0 0\n", "/data", "/mnt").error().code == ENOENT);
}

}  // namespace flexfs::conf
