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
const FstabLine line{"/data", "/mnt", "nofail"};

}  // namespace

TEST_CASE("a line is added at the end and everything else stays") {
    CHECK(with_line(before, line, false) ==
          std::string(before) + "\n/data /mnt flexfs nofail 0 0\n");
    CHECK(with_line("", line, false) == "/data /mnt flexfs nofail 0 0\n");
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
    CHECK(refused.error().context == "line 5 mounts /data on /mnt already; --force replaces it");
    CHECK(with_line(with, other, true) == std::string(before) + "\n/other /mnt flexfs ro 0 0\n");
}

TEST_CASE("a line of another filesystem is never replaced") {
    for (const bool force : {false, true}) {
        const auto refused = with_line(before, {"/data", "/", "ro"}, force);
        REQUIRE(!refused);
        CHECK(refused.error().context ==
              "line 2 mounts UUID=1234, which is no flexfs volume, on /; give another folder, or "
              "remove that line by hand");
    }
}

TEST_CASE("a volume has one line, since it can be mounted only once") {
    const std::string with = *with_line(before, line, false);

    const auto refused = with_line(with, {"/data", "/elsewhere", "ro"}, true);
    REQUIRE(!refused);
    CHECK(refused.error().code == EEXIST);
    CHECK(refused.error().context.starts_with("line 5 mounts /data on /mnt already"));
}

TEST_CASE("a slash at the end of a folder makes no difference") {
    CHECK(code_of(with_line("/data /mnt/ flexfs ro 0 0\n", line, false)) == EEXIST);
    CHECK(without_line("/data /mnt/ flexfs ro 0 0\n", "/data", "/mnt") == "");
}

TEST_CASE("only the line that was meant is removed") {
    const std::string with = *with_line(before, line, false);

    CHECK(without_line(with, "/other", "/mnt").error().context ==
          "/mnt is the mount point of /data, not of /other");
    CHECK(without_line(with, "/data", "/elsewhere").error().code == ENOENT);
    CHECK(without_line("/data /mnt ext4 ro 0 0\n", "/data", "/mnt").error().code == ENOENT);
}

}  // namespace flexfs::conf
