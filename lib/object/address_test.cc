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

TEST_CASE("a bucket has a prefix and settings") {
    const auto address = parse_address(
        "s3://My.bucket-1/a%20b/c/?endpoint=http%3A%2F%2F127.0.0.1:9000&region=eu-west-1&"
        "pathStyle=true&latency=5ms");
    REQUIRE(address);
    CHECK(address->kind == Address::Kind::s3);
    CHECK(address->is_bucket());
    CHECK(address->bucket == "My.bucket-1");
    CHECK(address->prefix == "a b/c");
    CHECK(address->settings == conf::StoreSettings{.endpoint = "http://127.0.0.1:9000",
                                                   .region = "eu-west-1",
                                                   .path_style = "true"});
    CHECK(address->faults.latency == std::chrono::milliseconds(5));
    CHECK(address->without_options() == "s3://My.bucket-1/a b/c");
    CHECK(parse_address("S3://bucket")->without_options() == "s3://bucket");
    CHECK(parse_address("gs://bucket/")->kind == Address::Kind::gs);
    CHECK(parse_address("oci://bucket")->kind == Address::Kind::oci);
    CHECK(parse_address("azure://container?account=me")->settings.account == "me");
}

TEST_CASE("a secret in an address is refused, and the sentence does not repeat it") {
    for (const std::string address :
         {"s3://b-1?blockPass=hunter2", "s3://b-1?secret=hunter2", "azure://box?sasToken=hunter2",
          "azure://box?sig=hunter2", "s3://AKIA:hunter2@bucket/x", "s3:AKIA:hunter2@bucket"}) {
        CAPTURE(address);
        CHECK(has(refusal(address), "creds file") != address.starts_with("s3:A"));
        CHECK(!has(refusal(address), "hunter2"));
    }
}

TEST_CASE("a wrong bucket, prefix or setting is named") {
    CHECK(has(refusal("s3:"), "s3://BUCKET/PREFIX"));
    CHECK(has(refusal("s3:///x"), "s3://BUCKET/PREFIX"));
    CHECK(has(refusal("s3://x"), "3 to 63"));
    CHECK(has(refusal("s3://bucket/a//b"), "one slash"));
    CHECK(has(refusal("s3://bucket/.a"), "dot"));
    CHECK(has(refusal("s3://bucket/" + std::string(600, 'a')), "512"));
    CHECK(has(refusal("s3://bucket?pathStyle=maybe"), "true"));
    CHECK(has(refusal("s3://bucket?zone=1"), "region"));
    CHECK(has(refusal("s3://bucket?region=a&region=b"), "twice"));
    CHECK(has(refusal("file:///x?region=eu"), "'region'"));
}

TEST_CASE("an error names the wrong part and a valid form") {
    CHECK(has(refusal("data"), "./data"));
    CHECK(has(refusal("gopher://x"), "'gopher:'"));
    CHECK(has(refusal("gopher://x"), "./folder or file:///path"));
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
