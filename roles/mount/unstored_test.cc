#include "roles/mount/unstored.h"

#include <doctest/doctest.h>

#include <vector>

namespace flexfs::mount {

TEST_CASE("files are named by their paths, and those without room are counted") {
    const std::vector<std::string> two = {"/x", "…/y"};

    CHECK(name_files("/mnt/a", two, 2) == "/mnt/a/x, /mnt/a/…/y");
    CHECK(name_files("/mnt/a", two, 5) == "/mnt/a/x, /mnt/a/…/y and 3 more");
    CHECK(name_files("/mnt/a", {}, 1) == "1 file");
    CHECK(name_files("/mnt/a", std::vector<std::string>{"the file with inode 7"}, 1) ==
          "the file with inode 7");
}

}  // namespace flexfs::mount
