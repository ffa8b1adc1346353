#include "lib/object/address.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "lib/base/scratch_test.h"

namespace flexfs::object {
namespace {

// Returns the sentence with which parse_address() refuses the text.
std::string refusal(std::string_view text) {
    const auto parsed = parse_address(text);
    if (parsed) return "accepted";
    return parsed.error().code == EINVAL ? parsed.error().context : "another code";
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a path is a folder, to its last character") {
    for (const std::string path : {"./data", "/data", "../data", ".", "/a?latency=1s", "/a%20b"}) {
        const auto address = parse_address(path);
        REQUIRE(address);
        CHECK(address->kind == Address::Kind::file);
        CHECK(address->folder == path);
        CHECK(!address->faults.any());
    }
}

TEST_CASE("a file: address has a path and options") {
    const auto address = parse_address(
        "file:///srv/a%20b?latency=20ms&errors=0.01&stall=0.001&truncate=1&lies=0&seed=9");
    REQUIRE(address);
    CHECK(address->folder == "/srv/a b");
    CHECK(address->faults == Faults{.latency = std::chrono::milliseconds(20),
                                    .errors = 0.01,
                                    .stall = 0.001,
                                    .truncate = 1,
                                    .seed = 9});
    CHECK(parse_address("file:/x")->folder == "/x");
    CHECK(parse_address("file:./x?")->folder == "./x");
}

TEST_CASE("memory: takes the same options") {
    const auto address = parse_address("memory:?errors=0.5");
    REQUIRE(address);
    CHECK(address->kind == Address::Kind::memory);
    CHECK(address->faults.errors == 0.5);
    CHECK(has(refusal("memory:x"), "memory:"));
}

TEST_CASE("an error names the wrong part and a valid form") {
    CHECK(has(refusal("data"), "./data"));
    CHECK(has(refusal("gopher://x"), "'gopher:'"));
    CHECK(has(refusal("s3://bucket"), "this version of flexfs has no store of kind 's3:'"));
    CHECK(has(refusal("s3://bucket"), "./folder or file:///path"));
    CHECK(has(refusal("file://host/x"), "file:///path"));
    CHECK(has(refusal("file:"), "file:///path"));
    CHECK(has(refusal("file:///x?latncy=1s"), "'latncy'"));
    CHECK(has(refusal("file:///x?latncy=1s"), "latency=20ms"));
    CHECK(has(refusal("file:///x?latency=soon"), "'soon'"));
    CHECK(has(refusal("file:///x?latency=-1"), "hour"));
    CHECK(has(refusal("file:///x?errors=2"), "from 0 to 1"));
    CHECK(has(refusal("file:///x?errors=nan"), "from 0 to 1"));
    CHECK(has(refusal("file:///x?errors"), "errors=0.01"));
    CHECK(has(refusal("file:///x%2"), "%25"));
    CHECK(has(refusal("file:///x%00"), "%25"));
    CHECK(has(refusal("file:///x?&"), "''"));
}

TEST_CASE("a volume's name is not an address") {
    CHECK(!is_address("projects"));
    CHECK(!is_address(".hidden"));
    CHECK(is_address("."));
    CHECK(is_address("/x"));
    CHECK(is_address("data/x"));
    CHECK(is_address("s3://bucket"));
    CHECK(is_address("memory:"));
}

TEST_CASE("an address opens as a store that keeps what was put") {
    TestFolder folder;
    Loop loop;
    {
        auto store = open_store(loop, "file://" + folder.path() + "?errors=0.3");
        REQUIRE(store);
        CHECK(loop.run((*store)->put("a/b", {Buffer::copy_of("data")})));
        CHECK(loop.run((*store)->close()));
    }
    auto store = open_store(loop, folder.path());
    REQUIRE(store);
    CHECK(loop.run((*store)->get("a/b"))->text() == "data");
    CHECK((*store)->describe() == "folder " + folder.path());
    CHECK(loop.run((*store)->close()));
    CHECK(code_of(open_store(loop, folder.path() + "/a/b")) == ENOTDIR);
}

}  // namespace flexfs::object
