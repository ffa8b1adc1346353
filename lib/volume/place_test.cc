#include "lib/volume/place.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <cerrno>
#include <fstream>

#include "lib/base/scratch_test.h"

namespace flexfs::volume {
namespace {

namespace fs = std::filesystem;

struct Scratch {
    TestFolder folder;
    fs::path path = folder.path();
    std::string at(const char* below) const { return path / below; }
};

}  // namespace

TEST_CASE("a folder is found, or can be made in one that exists") {
    const Scratch scratch;
    std::ofstream(scratch.at("file")) << "x";

    CHECK(find_folder(scratch.path) == true);
    CHECK(find_folder(scratch.at("new")) == false);
    CHECK(find_folder(scratch.at("new/inner")).error().message() ==
          "cannot create " + scratch.at("new/inner") + ": " + scratch.at("new") +
              " does not exist");
    CHECK(find_folder(scratch.at("file")).error().message() ==
          scratch.at("file") + " is not a folder; a volume is kept in one");
    CHECK(code_of(find_folder(scratch.at("file/inner"))) == ENOTDIR);
    REQUIRE(make_folder(scratch.at("new")));
    CHECK(make_folder(scratch.at("new")));
    CHECK(settle_folder(scratch.at("new")));
}

TEST_CASE("only the files of an interrupted start are not foreign") {
    const Scratch scratch;
    fs::create_directory(scratch.at("meta"));
    fs::create_directory(scratch.at(".put"));
    std::ofstream(scratch.at("lock")) << "1";
    std::ofstream(scratch.at("volume.yaml.new-a1b2c3")) << "format";

    CHECK(foreign_file(scratch.path) == "");
    CHECK(foreign_file(scratch.at("none")) == "");
    std::ofstream(scratch.at("holiday.jpg")) << "x";
    CHECK(foreign_file(scratch.path) == "holiday.jpg");
}

TEST_CASE("a mount point and its volume must not be inside each other") {
    CHECK(code_of(check_outside("/d", "/d/m")) == EINVAL);
    CHECK(code_of(check_outside("/d", "/d")) == EINVAL);
    CHECK(check_outside("/d", "/data"));
    CHECK(code_of(check_not_hidden("/m/d", "/m")) == EINVAL);
    CHECK(check_not_hidden("/d", "/m"));
    CHECK(is_within("/a/b", "/a"));
    CHECK(!is_within("/ab", "/a"));
}

TEST_CASE("no volume is made inside another one, also through a link") {
    const Scratch scratch;
    fs::create_directories(scratch.at("outer/deep"));
    std::ofstream(scratch.at("outer/volume.yaml"))
        << "format: 1\nid: 01234567-89ab-4cde-8f01-23456789abcd\nblock_size: 4MiB\n";
    fs::create_symlink(scratch.at("outer/deep"), scratch.at("link"));

    CHECK(code_of(check_no_volume_above(scratch.at("outer/deep/inner"))) == EINVAL);
    CHECK(code_of(check_no_volume_above(scratch.at("link/inner"))) == EINVAL);
    CHECK(check_no_volume_above(scratch.at("outer")));
    CHECK(check_no_volume_above(scratch.at("beside")));
}

}  // namespace flexfs::volume
