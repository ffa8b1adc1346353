// A store over S3 meets errors, and answers that no honest server gives.
#include <doctest/doctest.h>

#include <cerrno>

#include "lib/object/s3_fixture_test.h"

namespace flexfs::object {
namespace {

struct Sample {
    FakeAnswer answer;
    int code;
    std::string_view phrase;
};

bool has(const std::string& text, std::string_view part) {
    INFO(text);
    INFO(part);
    return text.find(part) != std::string::npos;
}

FakeAnswer html(unsigned status) {
    return {status, {{"Content-Type", "text/html"}}, "<html><body>It works!</body></html>"};
}

S3Setup::Before always(FakeAnswer answer) {
    return [answer = std::move(answer)](const FakeRequest&) { return answer; };
}

// Answers the first request with `answer`.
S3Setup::Before once(FakeAnswer answer) {
    return [answer = std::move(answer),
            first = true](const FakeRequest&) mutable -> std::optional<FakeAnswer> {
        return std::exchange(first, false) ? std::optional(answer) : std::nullopt;
    };
}

}  // namespace

TEST_CASE("each kind of error has its number and its sentence, and is asked for once") {
    const Sample samples[] = {
        {s3_error(403, "AccessDenied"), EACCES, "(a test) are not permitted to read objects"},
        {s3_error(403, "AccessDenied"), EACCES, "s3:GetObject"},
        {s3_error(403, "SomethingNew"), EACCES, "SomethingNew: Why not."},
        {s3_error(403, "SignatureDoesNotMatch"), EACCES, "secret key does not belong"},
        {s3_error(403, "InvalidAccessKeyId"), EACCES, "does not know the access key"},
        {s3_error(400, "ExpiredToken"), EACCES, "session token has expired"},
        {s3_error(403, "RequestTimeTooSkewed"), EACCES, "clock"},
        {s3_error(404, "NoSuchBucket"), ENODEV, "no bucket s3://box at http://127.0.0.1"},
        {s3_error(404, "NoSuchKey"), ENOENT, "no such object"},
        {s3_error(403, "InvalidObjectState"), EACCES, "archive"},
        {s3_error(403, "QuotaExceeded"), EDQUOT, "quota"},
        {s3_error(507, "XMinioStorageFull"), ENOSPC, "space"},
        {s3_error(503, "SlowDown"), EAGAIN, "fewer requests"},
        {s3_error(429, "NeverHeardOf"), EAGAIN, "fewer requests"},
        {s3_error(500, "InternalError"), EIO, "InternalError"},
        {s3_error(400, "RequestTimeout"), EIO, "waited too long"},
        {s3_error(400, "InvalidArgument"), EINVAL, "not valid"},
        {s3_error(418, "Teapot"), EIO, "Teapot"},
        {s3_error(409, "OperationAborted"), EBUSY, "same object"},
        {s3_error(501, "NotImplemented"), EOPNOTSUPP, "cannot do"},
        {html(404), EINVAL, "does not answer as an object store does"},
        {html(400), EINVAL, "does not answer as an object store does"},
        {html(301), EINVAL, "status 301"},
        {html(403), EACCES, "or a proxy before it refuses access"},
        {html(502), EIO, "status 502"},
        {html(503), EAGAIN, "fewer requests"},
        {FakeAnswer{404}, EINVAL, "does not answer as an object store does"},
        {FakeAnswer{404, {}, "<Error><Code>NoSuchKey"}, EINVAL, "does not answer"},
        {FakeAnswer{404, {}, "<Error><Message>x</Message></Error>"}, EINVAL, "does not answer"},
        {FakeAnswer{404, {}, std::string("<Error>\0<Code>NoSuchKey</Code></Error>", 37)}, EINVAL,
         "does not answer"},
        {FakeAnswer{500, {}, std::string(100'000, '<')}, EIO, "status 500"},
        {s3_error(400, std::string(10'000, 'A'), std::string(10'000, 'B')), EIO, "BBB..."},
        {s3_error(400, "Odd", "\x1b[31m {bucket} \xff"), EIO, "Odd:  [31m {bucket}  )"},
    };
    for (const Sample& sample : samples) {
        INFO(sample.answer.status, " ", sample.answer.body.substr(0, 200));
        S3Setup on({}, always(sample.answer));
        const auto got = on.run(on.store->get("a", 0, 10));
        REQUIRE(!got);
        CHECK(got.error().code == sample.code);
        CHECK(has(got.error().message(), sample.phrase));
        CHECK(on.server.requests.size() == 1);
        CHECK(code_of(on.run(on.store->size("a"))) == sample.code);
        CHECK(code_of(on.run(on.store->get("a"))) == sample.code);
        CHECK(code_of(on.put("a", "x")) == sample.code);
        CHECK(code_of(on.run(on.store->list("", "", 1))) == sample.code);
    }
}

TEST_CASE("a missing permission is named for each kind of request") {
    S3Setup on({}, always(s3_error(403, "AccessDenied")));
    const auto context = [](const auto& outcome) {
        REQUIRE(!outcome);
        CHECK(outcome.error().code == EACCES);
        return outcome.error().context;
    };
    CHECK(has(context(on.run(on.store->get("a"))), "s3:GetObject"));
    CHECK(has(context(on.run(on.store->size("a"))), "s3:GetObject"));
    CHECK(has(context(on.put("a", "x")), "s3:PutObject"));
    CHECK(has(context(on.run(on.store->remove({"a"}))), "s3:DeleteObject"));
    CHECK(has(context(on.run(on.store->remove({"a", "b"}))), "s3:DeleteObject"));
    CHECK(has(context(on.run(on.store->list("", "", 1))), "s3:ListBucket"));
    CHECK(has(context(on.run(on.store->put_if("a", Buffer(), ""))), "s3:PutObject"));
}

TEST_CASE("a request to slow down reaches the caller with its pause") {
    auto answer = s3_error(503, "SlowDown");
    S3Setup on;
    on.before = [&](const FakeRequest&) { return answer; };
    CHECK(code_of(on.put("a", "x")) == EAGAIN);
    for (const char* value : {"7", "99999999999999999999", "soon"}) {
        answer.headers.set("Retry-After", value);
        CHECK(code_of(on.put("a", "x")) == EAGAIN);
    }
    using std::chrono::seconds;
    CHECK(on.pauses == std::vector<Duration>{seconds(0), seconds(7), seconds(0), seconds(0)});
}

TEST_CASE("a region that an answer names is used for this request and later ones") {
    auto named = s3_error(400, "AuthorizationHeaderMalformed", "Wrong.", "<Region>eu-1</Region>");
    auto redirect = s3_error(301, "PermanentRedirect");
    redirect.headers.set("x-amz-bucket-region", "eu-1");
    for (const auto& answer : {named, redirect}) {
        S3Setup on({}, once(answer));
        REQUIRE(on.put("a", "x"));
        REQUIRE(on.put("b", "x"));
        CHECK(on.server.requests.size() == 3);
        CHECK(on.server.requests[1].header("Authorization") == "eu-1 1");
        CHECK(on.server.requests[2].header("Authorization") == "eu-1 1");
    }
}

TEST_CASE("a region that no answer names is asked for with HEAD of the bucket") {
    S3Setup on;
    on.before = [&](const FakeRequest& request) -> std::optional<FakeAnswer> {
        if (request.header("Authorization") == "eu-1 1") return std::nullopt;
        if (request.method == "HEAD") return FakeAnswer{403, {{"x-amz-bucket-region", "eu-1"}}};
        return s3_error(400, "AuthorizationHeaderMalformed");
    };
    REQUIRE(on.put("a", "x"));
    CHECK(on.server.requests.size() == 3);
}

TEST_CASE("regions that lead in circles, or out of the provider's domain, are not followed") {
    for (const char* region : {"us-east-1", "evil.example.com/", "", "a b"}) {
        S3Setup on({}, always(s3_error(301, "PermanentRedirect", "Wrong.",
                                       fmt::format("<Region>{}</Region>", region))));
        const auto put = on.put("a", "x");
        REQUIRE(!put);
        CHECK(put.error().code == EINVAL);
        CHECK(has(put.error().context, "another region"));
        CHECK(on.signer->region == "us-east-1");
    }
    int count = 0;
    S3Setup on;
    on.before = [&](const FakeRequest&) {
        return s3_error(301, "PermanentRedirect", "Wrong.",
                        fmt::format("<Region>r{}</Region>", ++count));
    };
    CHECK(code_of(on.put("a", "x")) == EINVAL);
    CHECK(on.server.requests.size() == 3);
}

TEST_CASE("the provider's clock is taken once from the answer that refused ours") {
    auto answer = s3_error(403, "RequestTimeTooSkewed");
    answer.headers.set("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
    {
        S3Setup on({}, once(answer));
        REQUIRE(on.put("a", "x"));
        CHECK(on.signer->clock == 784111777'000'000'000);
    }
    S3Setup on({}, always(answer));
    CHECK(code_of(on.put("a", "x")) == EACCES);
    CHECK(on.server.requests.size() == 2);
}

TEST_CASE("credentials that have expired are renewed once, however many requests they fail") {
    S3Setup on;
    on.signer->last_generation = 2;
    on.before = [](const FakeRequest& request) -> std::optional<FakeAnswer> {
        if (request.header("Authorization").ends_with("2")) return std::nullopt;
        return s3_error(400, "ExpiredToken");
    };
    std::vector<Task<void>> puts;
    for (const char* key : {"a", "b", "c", "d"}) {
        std::vector<Buffer> pieces{Buffer::copy_of("x")};
        puts.push_back(on.store->put(key, std::move(pieces)));
    }
    REQUIRE(on.run(task::all(std::move(puts))));
    CHECK(on.signer->renewals == 1);
    CHECK(on.s3.objects.size() == 4);

    on.before = always(s3_error(400, "ExpiredToken"));
    CHECK(code_of(on.put("a", "x")) == EACCES);
    CHECK(on.signer->renewals == 2);
}

TEST_CASE("a bucket that demands digests gets them from then on") {
    S3Setup on;
    on.before = [](const FakeRequest& request) -> std::optional<FakeAnswer> {
        if (!request.header("Content-MD5").empty()) return std::nullopt;
        return s3_error(400, "InvalidRequest",
                        "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object "
                        "requests with Object Lock parameters");
    };
    REQUIRE(on.put("a", std::string(100'000, 'x')));
    REQUIRE(on.put("b", "x"));
    CHECK(on.server.requests.size() == 3);
}

TEST_CASE("an object under a lock is an error of its own") {
    S3Setup on({}, always(s3_error(403, "AccessDenied", "Object is protected by Object Lock.")));
    const auto removed = on.run(on.store->remove({"a"}));
    REQUIRE(!removed);
    CHECK(removed.error().code == EACCES);
    CHECK(has(removed.error().context, "retention"));
}

TEST_CASE("a put without a tag in its answer is not taken for stored") {
    for (const auto& answer : {FakeAnswer{200}, html(200), FakeAnswer{204}}) {
        S3Setup on({}, always(answer));
        CHECK(code_of(on.put("a", "x")) == EIO);
    }
}

TEST_CASE("a range is exactly what was asked for, or an error") {
    const std::string ten = "0123456789";
    const auto part = [](std::string range, std::string body) {
        return FakeAnswer{206, {{"Content-Range", std::move(range)}}, std::move(body)};
    };
    const Sample samples[] = {
        {part("bytes 5-9/100", "56789"), 0, ""},
        {part("bytes 5-9/*", "56789"), 0, ""},
        {FakeAnswer{200, {}, ten}, 0, ""},
        {FakeAnswer{200, {}, ten + ten}, 0, ""},
        {FakeAnswer{200, {}, "01234"}, EIO, "without a range"},
        {part("bytes 5-7/8", "567"), ERANGE, "ends at 8"},
        {part("bytes 5-7/100", "567"), EIO, "instead of"},
        {part("bytes 4-8/100", "45678"), EIO, "instead of"},
        {part("bytes 5-9/100", "5678"), EIO, "4 bytes came"},
        {part("bytes 5-9/100", "56789a"), EIO, "6 bytes came"},
        {part("bytes 5-9/7", "56789"), EIO, "which bytes"},
        {part("5-9", "56789"), EIO, "which bytes"},
        {FakeAnswer{206, {}, "56789"}, EIO, "which bytes"},
        {FakeAnswer{204}, EIO, "status is 204"},
        {s3_error(416, "InvalidRange"), ERANGE, ""},
        {FakeAnswer{416}, ERANGE, ""},
        {FakeAnswer{200, {}, std::string(2'000'000, 'x')}, EFBIG, ""},
        {FakeAnswer{206, {{"Content-Range", "bytes 5-9/100"}}, "56789", true}, ECONNRESET, ""},
    };
    for (const Sample& sample : samples) {
        INFO(sample.answer.status, " ", sample.answer.body.substr(0, 50));
        S3Setup on({}, always(sample.answer));
        const auto got = on.run(on.store->get("a", 5, 5));
        CHECK(code_of(got) == sample.code);
        if (got) CHECK(got->text() == "56789");
        else CHECK(has(got.error().message(), sample.phrase));
    }
}

TEST_CASE("the length of an object is not believed if it is none") {
    for (const char* length : {"-1", "x", "99999999999999999999"}) {
        S3Setup on({}, always({200, {{"Content-Length", length}}}));
        const auto size = on.run(on.store->size("a"));
        CHECK(!size);
    }
    S3Setup on;
    REQUIRE(on.put("empty", ""));
    // The answer to HEAD is lost on the way, and the one to GET says that there is no first byte.
    on.before = once(FakeAnswer{400});
    CHECK(on.run(on.store->size("empty")) == 0);
    REQUIRE(on.put("ten", "0123456789"));
    on.before = once(FakeAnswer{400});
    CHECK(on.run(on.store->size("ten")) == 10);
}

TEST_CASE("lists that are wrong are errors") {
    const auto list = [](std::string inside) {
        return "<ListBucketResult>" + inside + "</ListBucketResult>";
    };
    const auto object = [](std::string key, std::string size = "1",
                           std::string time = "2024-05-06T07:08:09.000Z") {
        return fmt::format(
            "<Contents><Key>{}</Key><LastModified>{}</LastModified><Size>{}</Size>"
            "</Contents>",
            key, time, size);
    };
    const std::string end = "<IsTruncated>false</IsTruncated>";
    const Sample samples[] = {
        {{200, {}, list(object("p/a") + object("p/b") + end)}, 0, ""},
        {{200, {}, list(object("p/b") + object("p/a") + end)}, EIO, "order"},
        {{200, {}, list(object("p/a") + object("p/a") + end)}, EIO, "order"},
        {{200, {}, list(object("q/a") + end)}, EIO, "prefix"},
        {{200, {}, list(object("p/a", "-1") + end)}, EIO, "cannot be understood"},
        {{200, {}, list(object("p/a", "1", "today") + end)}, EIO, "cannot be understood"},
        {{200, {}, list("<Contents></Contents>" + end)}, EIO, "cannot be understood"},
        {{200, {}, list("<EncodingType>url</EncodingType>" + object("p/%0") + end)},
         EIO,
         "cannot be understood"},
        {{200, {}, list(object("p/a"))}, EIO, "complete"},
        {{200, {}, list(object("p/a") + "<IsTruncated>true</IsTruncated>")}, EIO, "continues"},
        {{200,
          {},
          list("<IsTruncated>true</IsTruncated><NextContinuationToken>x"
               "</NextContinuationToken>")},
         EIO,
         "does not end"},
        {{200, {}, "<?xml version=\"1.0\"?><ListBucketResult><Contents>"}, EIO, "cut short"},
        {{200, {}, "<Error><Code>InternalError</Code></Error>"}, EIO, "error"},
        {html(200), EINVAL, "does not answer as an object store does"},
        {{200, {}, "{\"json\": true}"}, EINVAL, "does not answer as an object store does"},
        {{200}, EINVAL, "does not answer as an object store does"},
    };
    for (const Sample& sample : samples) {
        INFO(sample.answer.body);
        S3Setup on({.prefix = "p"}, always(sample.answer));
        const auto page = on.run(on.store->list("", "", 10));
        CHECK(code_of(page) == sample.code);
        if (!page) CHECK(has(page.error().message(), sample.phrase));
    }
}

TEST_CASE("reports of deleted objects that are wrong are errors") {
    for (const char* body :
         {"<DeleteResult><Error>", "<Error><Code>InternalError</Code></Error>"}) {
        S3Setup on({}, always({200, {}, body}));
        CHECK(code_of(on.run(on.store->remove({"a", "b"}))) == EIO);
    }
}

}  // namespace flexfs::object
