#include "lib/conf/conf.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace flexfs::conf {
namespace {

struct Folder {
    std::string path;
    Folder() {
        char name[] = "/tmp/flexfs-conf-XXXXXX";
        path = mkdtemp(name);
    }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    unsigned mode(const std::string& name) const {
        struct stat attr{};
        return stat((path + "/" + name).c_str(), &attr) == 0 ? attr.st_mode & 07777 : 0;
    }
    std::size_t files() const {
        const std::filesystem::directory_iterator all(path);
        return std::size_t(std::distance(begin(all), end(all)));
    }
};

struct Settings {
    std::string name;
    std::string codec = "none";
    std::uint64_t bytes = 0;
    std::uint64_t count = 7;
    bool on = false;
    Time born = 0;

    Layout layout(unsigned format = 0) {
        return {{required(text("name", name)), choice("codec", codec, {"none", "lz4"}),
                 size("bytes", bytes, {0, 8 << 20}), number("count", count), flag("on", on),
                 time("born", born)},
                format};
    }
    std::string complaint(std::string_view yaml, unsigned format = 0) {
        auto parsed = parse(yaml, "f.yaml", layout(format));
        return parsed ? "" : parsed.error().context;
    }
};

}  // namespace

TEST_CASE("saved settings are loaded again, whatever the text is") {
    Folder folder;
    const std::string path = folder.path + "/s.yaml";
    for (const char* name : {"plain", "", "true", "12", "a: b", "# no comment", "two\nlines",
                             "'quoted' \"twice\"", "größe", "- x", "{", "&a", "~", " space "}) {
        Settings saved{name, "lz4", 4 << 20, 9, true, 1'700'000'000'000'000'000};
        REQUIRE(save(path, saved.layout(1), Access::everyone));

        Settings loaded;
        REQUIRE(load(path, loaded.layout(1)));
        CHECK(loaded.name == name);
        CHECK(loaded.codec == "lz4");
        CHECK(loaded.bytes == 4 << 20);
        CHECK(loaded.count == 9);
        CHECK(loaded.on);
        CHECK(loaded.born == saved.born);
    }
}

TEST_CASE("the file reads as a person would have written it") {
    Settings settings{"data", "lz4", 8 << 10, 9, true, 0};

    CHECK(print(settings.layout(1)) ==
          "format: 1\nname: data\ncodec: lz4\nbytes: 8KiB\ncount: 9\non: true\n"
          "born: 1970-01-01T00:00:00Z\n");
}

TEST_CASE("keys that are left out keep their value") {
    Settings settings;

    CHECK(settings.complaint("name: a # the name\n") == "");
    CHECK(settings.count == 7);
}

TEST_CASE("an error names file, line, key and what would be right") {
    Settings s;
    CHECK(s.complaint("name: a\nbyts: 1\n") ==
          "f.yaml:2: unknown key 'byts'; the keys are name, codec, bytes, count, on, born");
    CHECK(s.complaint("name: a\n\nbytes: 4Q\n")
              .starts_with("f.yaml:3: bytes: '4Q' is not a size; write"));
    CHECK(s.complaint("name: a\nbytes: 9M\n") == "f.yaml:2: bytes: '9M' is not from 0 to 8MiB");
    CHECK(s.complaint("name: a\ncodec: gz\n") == "f.yaml:2: codec: 'gz' is not one of none, lz4");
    CHECK(s.complaint("name: a\non: 1\n") == "f.yaml:2: on: '1' is neither true nor false");
    CHECK(s.complaint("name: [a]\n") == "f.yaml:1: name: this must be one plain value");
    CHECK(s.complaint("name: a\nname: b\n") == "f.yaml:2: the key 'name' is there twice");
    CHECK(s.complaint("count: 1\n") == "f.yaml: the key 'name' is missing");
    CHECK(s.complaint("") == "f.yaml: the key 'name' is missing");
    CHECK(s.complaint("- a\n") == "f.yaml:1: this is not a list of keys and values");
    CHECK(s.complaint("name: a\non: x: y\n").starts_with("f.yaml:2: this is not YAML: "));
    CHECK(s.complaint("name: *a\n").starts_with("f.yaml:1: this is not YAML: "));
    CHECK(s.complaint(std::string(100'000, '[')).find("not YAML") != std::string::npos);
}

TEST_CASE("a newer format is refused as such, before its unknown keys") {
    Settings s;

    CHECK(s.complaint("format: 3\nnew: 1\n", 2) ==
          "f.yaml: made by a newer flexfs (format 3; this one reads up to 2)");
    CHECK(parse("format: 3\n", "f", s.layout(2)).error().code == EPROTO);
    CHECK(s.complaint("name: a\n", 2) == "f.yaml: the key 'format' is missing");
    CHECK(s.complaint("format: 1\nnme: a\n", 2) ==
          "f.yaml:2: unknown key 'nme'; the keys are format, name, codec, bytes, count, on, born");
    CHECK(s.complaint("name: a\nformat: x\n", 2) ==
          "f.yaml:2: format: this is no number from 1 to 2");
}

TEST_CASE("secrets are for their owner alone, and so are the folders made for them") {
    Folder folder;
    Settings settings{.name = "s"};

    REQUIRE(save(folder.path + "/a/b/secret", settings.layout(), Access::owner));
    CHECK(folder.mode("a") == 0700);
    CHECK(folder.mode("a/b") == 0700);
    CHECK(folder.mode("a/b/secret") == 0600);
    REQUIRE(save(folder.path + "/open", settings.layout(), Access::everyone));
    CHECK(folder.mode("open") == 0644);
}

TEST_CASE("replacing keeps a file's mode and a link, and leaves no other file") {
    Folder folder;
    const std::string path = folder.path + "/f", name = folder.path + "/link";
    REQUIRE(replace_file(path, "old", Access::everyone));
    REQUIRE(chmod(path.c_str(), 0640) == 0);
    REQUIRE(symlink("f", name.c_str()) == 0);

    REQUIRE(replace_file(name, "new", Access::everyone));
    CHECK(read_file(path) == "new");
    CHECK(folder.mode("f") == 0640);
    CHECK(std::filesystem::is_symlink(name));
    CHECK(folder.files() == 2);
}

TEST_CASE("a replacement that fails leaves the old file") {
    Folder folder;
    const std::string path = folder.path + "/f";
    REQUIRE(std::filesystem::create_directories(path + "/sub"));

    const auto replaced = replace_file(path, "new", Access::everyone);
    REQUIRE(!replaced);
    CHECK(replaced.error().code == EISDIR);
    CHECK(folder.files() == 1);
    CHECK(replace_file(folder.path + "/none/f", "", Access::everyone).error().code == ENOENT);
}

TEST_CASE("a file too large for settings is refused") {
    Folder folder;
    const std::string path = folder.path + "/f";
    REQUIRE(replace_file(path, std::string(file_bytes_max + 1, 'x'), Access::everyone));

    CHECK(read_file(path).error().code == EFBIG);
}

}  // namespace flexfs::conf
