#include "lib/cli/flag.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "lib/cli/suggest.h"

namespace flexfs::cli {
namespace {

struct Options {
    bool read_only = false;
    bool acl = true;
    std::uint64_t memory = 0;
    std::optional<std::uint32_t> block;
    Duration age{};
    std::uint32_t umask = 0;
    std::string codec;

    std::vector<Flag> flags() {
        return {
            {"--ro", sets(read_only), "mount read-only"},
            {"--noACL", sets(acl, false), "no ACLs"},
            {"--memCapacity", size(memory, 1000), "memory"},
            {"--blockSize", size(block, 0, {256 << 10, 8 << 20}), "of a block"},
            {"--age", duration(age), "at most this old"},
            {"--umask", octal_mode(umask), "bits to clear"},
            {"--compression", choice(codec, {"none", "lz4"}), "how"},
            {"-n", sets(read_only), ""},
        };
    }
    Result<void> set(std::string_view name, std::optional<std::string_view> value = {}) {
        return set_option(flags(), name, value);
    }
    std::string complaint(std::string_view name, std::optional<std::string_view> value = {}) {
        auto done = set(name, value);
        return done ? "" : done.error().context;
    }
};

}  // namespace

TEST_CASE("every kind of value reaches its variable") {
    Options o;

    CHECK(o.set("ro"));
    CHECK(o.set("noACL"));
    CHECK(o.set("memCapacity", "5%"));
    CHECK(o.set("blockSize", "4M"));
    CHECK(o.set("age", "5m"));
    CHECK(o.set("umask", "027"));
    CHECK(o.set("compression", "lz4"));
    CHECK(o.read_only);
    CHECK(!o.acl);
    CHECK(o.memory == 50);
    CHECK(o.block == 4u << 20);
    CHECK(o.age == std::chrono::minutes(5));
    CHECK(o.umask == 027u);
    CHECK(o.codec == "lz4");
}

TEST_CASE("a switch can be given as false") {
    Options o;

    CHECK(o.set("ro", "false"));
    CHECK(o.set("noACL", "false"));
    CHECK(!o.read_only);
    CHECK(o.acl);
    CHECK(!o.set("ro", "maybe"));
}

TEST_CASE("a wrong value is refused by a sentence that says what would be right") {
    Options o;

    CHECK(o.complaint("blockSize", "1K") ==
          "option 'blockSize': 1K is not from 256 KiB to 8.0 MiB");
    CHECK(o.complaint("compression", "gzip") ==
          "option 'compression': 'gzip' is not one of none, lz4");
    CHECK(o.complaint("umask", "9") ==
          "option 'umask': '9' is not an octal mode such as 022 or 0077");
    CHECK(o.complaint("age") == "option 'age' needs a value: age=DURATION");
    CHECK(o.set("age", "x").error().code == EINVAL);
}

TEST_CASE("an unknown option is answered with the nearest valid one") {
    Options o;

    CHECK(o.complaint("noAcl") == "unknown option 'noAcl'; did you mean 'noACL'?");
    CHECK(o.complaint("mem", "1M") == "unknown option 'mem'; did you mean 'memCapacity'?");
    CHECK(o.complaint("frobnicate") == "unknown option 'frobnicate'");
}

TEST_CASE("the nearest word is a typing mistake away and not another word") {
    const std::string_view words[] = {"start", "status", "stop", "init fstab"};

    CHECK(nearest("statsu", words) == "status");
    CHECK(nearest("Stop", words) == "stop");
    CHECK(nearest("init fsatb", words) == "init fstab");
    CHECK(nearest("data", words) == std::nullopt);
    CHECK(nearest("", words) == std::nullopt);
}

}  // namespace flexfs::cli
