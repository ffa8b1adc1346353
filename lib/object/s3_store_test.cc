#include "lib/object/s3_store.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <map>

#include "lib/object/s3_fixture_test.h"

namespace flexfs::object {
namespace {

std::vector<std::string> many_keys(std::size_t count) {
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < count; ++i) keys.push_back(fmt::format("v/{:05}", i));
    return keys;
}

}  // namespace

TEST_CASE("the prefix stands before each key in the bucket and is not in lists") {
    S3Setup on({.prefix = "some/where"});
    REQUIRE(on.put("a/1", "one"));
    on.s3.objects["some/where2"] = {"no", "\"1\""};
    on.s3.objects["some/where/"] = {"folder", "\"1\""};
    on.s3.objects["some/where/.probe"] = {"hidden", "\"1\""};

    CHECK(on.s3.objects.contains("some/where/a/1"));
    CHECK(on.store->describe() == "s3://box/some/where");
    const auto page = on.run(on.store->list("", "", 10));
    REQUIRE(page);
    REQUIRE(page->objects.size() == 1);
    CHECK(page->objects[0].key == "a/1");
    CHECK(page->objects[0].bytes == 3);
    CHECK(page->objects[0].modified == 1714979289'000'000'000);
    CHECK(on.run(on.store->remove({"a/1"})));
    CHECK(!on.s3.objects.contains("some/where/a/1"));
}

TEST_CASE("a put sends its pieces as they are, with the encryption that was asked for") {
    S3Setup on({.sse = "aws:kms:key-1"});
    std::vector<Buffer> pieces{Buffer::copy_of("one "), Buffer(), Buffer::copy_of("two")};
    REQUIRE(on.run(on.store->put("a", std::move(pieces))));

    const FakeRequest& sent = on.server.requests.back();
    CHECK(sent.method == "PUT");
    CHECK(sent.path == "/box/a");
    CHECK(sent.body == "one two");
    CHECK(sent.header("x-amz-server-side-encryption") == "aws:kms");
    CHECK(sent.header("x-amz-server-side-encryption-aws-kms-key-id") == "key-1");
    CHECK(sent.header("Authorization") == "us-east-1 1");
    CHECK(sent.header("Content-MD5").empty());
    std::vector<Buffer> huge(65, Buffer::take(std::string(1 << 20, 'x')));
    CHECK(code_of(on.run(on.store->put("a", std::move(huge)))) == EFBIG);
}

TEST_CASE("keys of any bytes come back from a list as they were put") {
    S3Setup on;
    const std::vector<std::string> keys = {"\x01\x7f", "a b+c", "a&<b>'\"", "\xc3\xa4/\xff",
                                           "z%20"};
    for (const std::string& key : keys) REQUIRE(on.put(key, "x"));

    const auto page = on.run(on.store->list("", "", 10));
    REQUIRE(page);
    REQUIRE(page->objects.size() == keys.size());
    for (const Listed& object : page->objects) CHECK(std::ranges::count(keys, object.key) == 1);
    REQUIRE(on.run(on.store->remove(keys)));
    // The fake bucket does not understand the escapes of XML.
    CHECK(on.s3.objects.size() == 1);
    CHECK(on.server.count("DELETE") == 2);
    CHECK(on.server.requests[on.server.requests.size() - 3].body.find("a&amp;&lt;b&gt;") !=
          std::string::npos);
}

TEST_CASE("a list joins the pages of the provider up to the limit") {
    S3Setup on;
    on.s3.page_max = 7;
    for (const std::string& key : many_keys(40)) on.s3.objects[key] = {"x", "\"1\""};

    const auto page = on.run(on.store->list("v/", "v/00004", 20));
    REQUIRE(page);
    CHECK(page->objects.size() == 20);
    CHECK(page->objects.front().key == "v/00005");
    CHECK(page->more);
    CHECK(on.server.requests.size() == 3);
    CHECK(on.store->counters().lists == 3);
    const auto rest = on.run(on.store->list("v/", "v/00024", 100));
    REQUIRE(rest);
    CHECK(rest->objects.size() == 15);
    CHECK(!rest->more);
    const auto exact = on.run(on.store->list("v/", "v/00024", 15));
    REQUIRE(exact);
    CHECK(!exact->more);
}

TEST_CASE("objects are removed a thousand at a time") {
    S3Setup on;
    const auto keys = many_keys(2500);
    for (const std::string& key : keys) on.s3.objects[key] = {"x", "\"1\""};
    REQUIRE(on.run(on.store->remove(keys)));

    CHECK(on.s3.objects.empty());
    CHECK(on.server.requests.size() == 3);
    CHECK(on.store->counters().deletes == 2500);
    CHECK(on.server.requests[0].parameter("delete") == "");
    CHECK(on.server.requests[0].body.find("<Quiet>true</Quiet>") != std::string::npos);
}

TEST_CASE("a store that cannot remove several objects at once is asked for that once") {
    for (const auto& refusal :
         {s3_error(501, "NotImplemented"), s3_error(405, "MethodNotAllowed"),
          s3_error(400, "MalformedXML"), FakeAnswer{501}, FakeAnswer{405, {}, "<html>no</html>"},
          FakeAnswer{200}, FakeAnswer{200, {}, "<html></html>"}}) {
        S3Setup on;
        on.before = [&](const FakeRequest& request) {
            return request.method == "POST" ? std::optional(refusal) : std::nullopt;
        };
        const auto keys = many_keys(100);
        for (const std::string& key : keys) on.s3.objects[key] = {"x", "\"1\""};
        REQUIRE(on.run(on.store->remove(keys)));
        REQUIRE(on.run(on.store->remove(keys)));

        CHECK(on.s3.objects.empty());
        CHECK(on.server.count("POST") == 1);
        CHECK(on.server.count("DELETE") == 200);
    }
}

TEST_CASE("an object that could not be removed is an error with the number of others") {
    S3Setup on;
    const std::string one = "<Error><Key>v/1</Key><Code>AccessDenied</Code></Error>";
    std::string answer = "<Error><Key>v/0</Key><Code>NoSuchKey</Code></Error>" + one + one;
    on.before = [&](const FakeRequest&) {
        return FakeAnswer{200, {}, "<DeleteResult>" + answer + "</DeleteResult>"};
    };
    const auto removed = on.run(on.store->remove(many_keys(5)));
    REQUIRE(!removed);
    CHECK(removed.error().code == EACCES);
    CHECK(removed.error().context.find("s3:DeleteObject") != std::string::npos);
    CHECK(removed.error().context.find("1 more") != std::string::npos);

    answer = "<Error><Key>v/1</Key><Code>SlowDown</Code></Error>";
    CHECK(code_of(on.run(on.store->remove(many_keys(5)))) == EAGAIN);
    CHECK(on.pauses.size() == 1);
    answer = "<Error><Key>v/1</Key><Code>InternalError</Code></Error>";
    CHECK(code_of(on.run(on.store->remove(many_keys(5)))) == EIO);
}

TEST_CASE("conditional puts are probed once, and the probe is removed") {
    S3Setup on({.prefix = "p"});
    const auto first = on.run(on.store->put_if("claim", Buffer::copy_of("a"), ""));
    REQUIRE(first);
    const auto second = on.run(on.store->put_if("claim", Buffer::copy_of("b"), *first));
    REQUIRE(second);

    CHECK(on.s3.objects.size() == 1);
    CHECK(on.s3.objects["p/claim"].data == "b");
    CHECK(on.server.count("PUT") == 6);
    CHECK(code_of(on.run(on.store->put_if("claim", Buffer::copy_of("c"), *first))) == EEXIST);
    CHECK(code_of(on.run(on.store->put_if("claim", Buffer::copy_of("c"), ""))) == EEXIST);
    CHECK(code_of(on.run(on.store->put_if("other", Buffer::copy_of("c"), *first))) == EEXIST);
    CHECK(on.run(on.store->get_versioned("claim"))->tag == *second);
}

TEST_CASE("a store whose conditions need tags without quotes gets such tags") {
    S3Setup on;
    on.s3.wants_bare_tags = true;
    const auto first = on.run(on.store->put_if("claim", Buffer::copy_of("a"), ""));
    REQUIRE(first);
    const std::string tag = on.run(on.store->get_versioned("claim"))->tag;
    CHECK(tag == *first);
    CHECK(on.run(on.store->put_if("claim", Buffer::copy_of("b"), tag)));
    CHECK(code_of(on.run(on.store->put_if("claim", Buffer::copy_of("c"), tag))) == EEXIST);
}

TEST_CASE("a store that ignores conditions, or does not know them, is found out") {
    const auto check_refused = [](S3Setup& on) {
        for (int i = 0; i < 2; ++i)
            CHECK(code_of(on.run(on.store->put_if("a", Buffer::copy_of("a"), ""))) == EOPNOTSUPP);
        CHECK(on.s3.objects.empty());
        CHECK(on.server.requests.size() <= 4);  // the second one asks nothing
    };
    {
        S3Setup on;
        on.s3.ignores_conditions = true;
        check_refused(on);
    }
    for (const char* header : {"If-Match", "If-None-Match"}) {
        S3Setup on;
        on.before = [&](const FakeRequest& request) -> std::optional<FakeAnswer> {
            if (request.header(header).empty()) return std::nullopt;
            return s3_error(501, "NotImplemented");
        };
        check_refused(on);
    }
}

TEST_CASE("a probe that fails leaves open whether the store has conditions") {
    S3Setup on;
    on.before = [](const FakeRequest& request) -> std::optional<FakeAnswer> {
        if (request.header("If-Match").empty()) return std::nullopt;
        return s3_error(500, "InternalError");
    };
    CHECK(code_of(on.run(on.store->put_if("a", Buffer::copy_of("a"), ""))) == EIO);
    CHECK(on.s3.objects.empty());
    on.before = {};
    CHECK(on.run(on.store->put_if("a", Buffer::copy_of("a"), "")));
}

TEST_CASE("gs puts carry a digest, depend on generations, and are removed one by one") {
    S3Setup on({.provider = S3Options::Provider::google});
    std::map<std::string, int> generations;
    on.before = [&](const FakeRequest& request) -> std::optional<FakeAnswer> {
        if (request.method != "PUT") return std::nullopt;
        int& generation = generations[request.path];
        const std::string wanted = request.header("x-goog-if-generation-match");
        if (!wanted.empty() && wanted != std::to_string(generation))
            return s3_error(412, "PreconditionFailed");
        return FakeAnswer{200, {{"x-goog-generation", std::to_string(++generation)}}};
    };
    REQUIRE(on.put("a", "message digest"));
    CHECK(on.server.requests.back().header("Content-MD5") == "+WtpfXy3k41SWi8xqvFh0A==");
    CHECK(on.run(on.store->put_if("b", Buffer::copy_of("b"), "")) == "1");
    CHECK(on.run(on.store->put_if("b", Buffer::copy_of("c"), "1")) == "2");
    CHECK(code_of(on.run(on.store->put_if("b", Buffer::copy_of("d"), "1"))) == EEXIST);
    REQUIRE(on.run(on.store->remove({"a", "b"})));
    CHECK(on.server.count("POST") == 0);
    CHECK(on.store->describe() == "gs://box");
}

}  // namespace flexfs::object
