#include "lib/object/azure_store.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "lib/object/azure_fixture_test.h"
#include "lib/object/azure_messages.h"
#include "lib/object/bucket_errors.h"

namespace flexfs::object {
namespace {

std::vector<std::string> many_keys(std::size_t count) {
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < count; ++i) keys.push_back(fmt::format("v/{:05}", i));
    return keys;
}

bool has(const std::string& text, std::string_view part) {
    INFO(text);
    return text.find(part) != std::string::npos;
}

std::string refusal(const AzureOptions& options) {
    const auto made = AzureDialect::make(options);
    if (made) return "accepted";
    CHECK(made.error().code == EINVAL);
    return made.error().message();
}

AzureSetup::Before always(FakeAnswer answer) {
    return [answer = std::move(answer)](const FakeRequest&) { return answer; };
}

}  // namespace

TEST_CASE("an account has its endpoint, and wrong options are refused by their names") {
    CHECK((*AzureDialect::make({.account = "mine", .container = "box"}))->url("a b", "x=1") ==
          "https://mine.blob.core.windows.net/box/a%20b?x=1");
    CHECK(has(refusal({.container = "box"}), "account=NAME"));
    CHECK(has(refusal({.account = "mine", .container = "Box"}), "container"));
    CHECK(has(refusal({.account = "mine", .container = "box", .prefix = ".a"}), "prefix"));
    CHECK(has(refusal({.container = "box", .endpoint = "x"}), "endpoint"));
}

TEST_CASE("a put is a block blob with a digest") {
    AzureSetup on("p");
    REQUIRE(on.put("a", "message digest"));

    const FakeRequest& sent = on.server.requests.back();
    CHECK(sent.path == "/test/box/p/a");
    CHECK(sent.header("Content-MD5") == "+WtpfXy3k41SWi8xqvFh0A==");
    CHECK(!sent.header("x-ms-version").empty());
    CHECK(on.store->describe() == "azure://box/p");
}

TEST_CASE("blobs are removed in batches, and what a batch refuses by itself") {
    AzureSetup on("p");
    const auto keys = many_keys(600);
    for (const std::string& key : keys) on.azure.objects["p/" + key] = {"x", "\"1\""};
    REQUIRE(on.run(on.store->remove(keys)));
    CHECK(on.azure.objects.empty());
    CHECK(on.server.requests.size() == 3);
    const std::string& body = on.server.requests[0].body;
    CHECK(has(body, "Content-ID: 255\r\n\r\nDELETE /test/box/p/v/00255 HTTP/1.1\r\n"));
    CHECK(has(body, "Authorization:  1\r\n"));
    CHECK(!has(body, "x-ms-version"));

    for (const std::string& key : keys) on.azure.objects["p/" + key] = {"x", "\"1\""};
    on.azure.batch_status = 403;
    REQUIRE(on.run(on.store->remove({keys.begin(), keys.begin() + 5})));
    CHECK(on.azure.objects.size() == 595);
    CHECK(on.server.count("DELETE") == 5);
}

TEST_CASE("a service without batches is asked for one once") {
    for (const auto& refused :
         {azure_error(400, "InvalidInput"), FakeAnswer{501}, FakeAnswer{200}, FakeAnswer{202}}) {
        AzureSetup on;
        on.before = [&](const FakeRequest& request) {
            return request.method == "POST" ? std::optional(refused) : std::nullopt;
        };
        for (int i = 0; i < 2; ++i) REQUIRE(on.run(on.store->remove(many_keys(10))));
        CHECK(on.server.count("POST") == 1);
        CHECK(on.server.count("DELETE") == 20);
    }
}

TEST_CASE("an answer to a batch that lacks a part, or is no answer, is an error") {
    const auto statuses = [](std::string body, std::string type) {
        http::Response response{.status = 202, .body = Buffer::take(std::move(body))};
        response.headers.set("Content-Type", std::move(type));
        return parse_azure_batch(response, 2);
    };
    const std::string type = "multipart/mixed; boundary=b";
    const std::string first = "--b\r\nContent-ID: 0\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n";
    const std::string second = "--b\r\ncontent-id:1\r\n\r\nHTTP/1.1 404 Not\r\n\r\n";
    CHECK(statuses(second + first + "--b--", type) == std::vector<unsigned>{202, 404});
    CHECK(statuses(second + first, type + "; x=y") == std::vector<unsigned>{202, 404});
    CHECK(code_of(statuses(first + "--b--", type)) == EIO);
    CHECK(code_of(statuses(first + first, type)) == EIO);
    CHECK(code_of(statuses(first + "--b\r\n", type)) == EIO);
    CHECK(code_of(statuses(first + "--b\r\nContent-ID: 1\r\n\r\nHTTP/1.1 x", type)) == EIO);
    CHECK(code_of(statuses(first + "--b\r\nContent-ID: 99\r\n\r\nHTTP/1.1 202", type)) == EIO);
    CHECK(code_of(statuses("", type)) == EIO);
    CHECK(code_of(statuses(first, "text/html")) == EOPNOTSUPP);
    CHECK(code_of(statuses(first, "multipart/mixed; boundary=")) == EOPNOTSUPP);
}

TEST_CASE("a list continues where the last one ended, and otherwise skips from the beginning") {
    AzureSetup on("p");
    for (const std::string& key : many_keys(2500)) on.azure.objects["p/" + key] = {"x", "\"1\""};
    std::string after;
    std::size_t found = 0;
    for (bool more = true; more;) {
        const auto page = on.run(on.store->list("v/", after, 500));
        REQUIRE(page);
        REQUIRE(!page->objects.empty());
        CHECK(page->objects.front().key > after);
        found += page->objects.size();
        after = page->objects.back().key;
        more = page->more;
    }
    CHECK(found == 2500);
    CHECK(on.server.requests.size() == 5);

    const auto page = on.run(on.store->list("v/", "v/01500x", 10));
    REQUIRE(page);
    CHECK(page->objects.front().key == "v/01501");
    CHECK(page->objects.size() == 10);
    CHECK(page->more);
    CHECK(on.server.requests.size() == 7);
    // The page that was cut is asked for again.
    CHECK(on.run(on.store->list("v/", "v/01510", 10))->objects.front().key == "v/01511");
}

TEST_CASE("lists of blobs that are wrong are errors") {
    const std::string blob =
        "<Blob><Name>a</Name><Properties><Last-Modified>Mon, 06 May 2024 07:08:09 GMT"
        "</Last-Modified><Content-Length>1</Content-Length></Properties></Blob>";
    const std::string start = "<EnumerationResults><Blobs>", end =
                                                                 "</Blobs><NextMarker/>"
                                                                 "</EnumerationResults>";
    const auto good = parse_azure_list(start + blob + end);
    REQUIRE(good);
    CHECK(good->objects[0].modified == 1714979289'000'000'000);
    CHECK(good->next.empty());
    CHECK(code_of(parse_azure_list(start + blob)) == EIO);
    CHECK(code_of(parse_azure_list(start + "<Blob><Name>a</Name></Blob>" + end)) == EIO);
    CHECK(code_of(parse_azure_list(start + blob + "</Blobs></EnumerationResults>")) == EIO);
    CHECK(code_of(parse_azure_list("<EnumerationResults/>")) == EIO);
    CHECK(code_of(parse_azure_list("<html></html>")) == EINVAL);
    CHECK(code_of(parse_azure_list("")) == EINVAL);
}

TEST_CASE("each kind of error of Azure has its number and its sentence") {
    struct Sample {
        FakeAnswer answer;
        int code;
        std::string_view phrase;
    };
    const Sample samples[] = {
        {azure_error(403, "AuthenticationFailed", "The MAC signature is not the same"), EACCES,
         "key or signature"},
        {azure_error(403, "AuthenticationFailed", "Request date header too old: 'x'"), EACCES,
         "clock"},
        {azure_error(403, "AuthenticationFailed",
                     "Signature not valid in the specified time frame"),
         EACCES, "expired"},
        {azure_error(401, "InvalidAuthenticationInfo", "The token is expired."), EACCES, "expired"},
        {azure_error(403, "AuthorizationPermissionMismatch"), EACCES, "Storage Blob Data Reader"},
        {azure_error(404, "ContainerNotFound"), ENODEV, "no container azure://box"},
        {azure_error(404, "BlobNotFound"), ENOENT, "no such object"},
        {azure_error(409, "BlobArchived"), EACCES, "archive"},
        {azure_error(503, "ServerBusy"), EAGAIN, "fewer requests"},
        {azure_error(500, "InternalError"), EIO, "InternalError"},
        {azure_error(403, "SomethingNew"), EACCES, "SomethingNew: Why not."},
        {FakeAnswer{404, {}, "<html></html>"}, EINVAL, "does not answer as an object store"},
    };
    for (const Sample& sample : samples) {
        INFO(sample.answer.body);
        AzureSetup on("", always(sample.answer));
        const auto got = on.run(on.store->get("a", 0, 10));
        REQUIRE(!got);
        CHECK(got.error().code == sample.code);
        CHECK(has(got.error().message(), sample.phrase));
        CHECK(!has(got.error().message(), "MAC signature"));
        CHECK(on.server.requests.size() == 1);
        CHECK(code_of(on.run(on.store->size("a"))) == sample.code);
        CHECK(code_of(on.put("a", "x")) == sample.code);
        CHECK(code_of(on.run(on.store->list("", "", 1))) == sample.code);
    }
    const auto dialect = *AzureDialect::make({.account = "mine", .container = "box"});
    for (const ErrorRow& row : dialect->errors()) {
        const Failure failure{.status = 400, .name = std::string(row.name)};
        CHECK(!has(explained(*dialect, row, failure, Purpose::put, "a file").context, "{"));
    }
}

TEST_CASE("an object of Azure under a policy cannot be removed, which has its sentence") {
    AzureSetup on("", always(azure_error(409, "BlobImmutableDueToPolicy")));
    const auto removed = on.run(on.store->remove({"a"}));
    REQUIRE(!removed);
    CHECK(removed.error().code == EACCES);
    CHECK(has(removed.error().context, "immutability policy"));
}

}  // namespace flexfs::object
