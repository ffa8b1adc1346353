#include "lib/object/s3_dialect.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "lib/object/bucket_errors.h"

namespace flexfs::object {
namespace {

using Provider = S3Options::Provider;

std::string url_of(const S3Options& options, const std::string& key, const std::string& query) {
    const auto made = S3Dialect::make(options);
    if (!made) return made.error().message();
    return (*made)->url(key, query);
}

std::string refusal(const S3Options& options) {
    const auto made = S3Dialect::make(options);
    if (made) return "accepted";
    CHECK(made.error().code == EINVAL);
    return made.error().message();
}

bool has(const std::string& text, std::string_view part) {
    INFO(text);
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the bucket stands in the host where the provider allows it, else in the path") {
    CHECK(url_of({.bucket = "box", .region = "eu-west-1"}, "a b/c", "") ==
          "https://box.s3.eu-west-1.amazonaws.com/a%20b/c");
    CHECK(url_of({.bucket = "box"}, "", "list-type=2") ==
          "https://box.s3.us-east-1.amazonaws.com/?list-type=2");
    CHECK(url_of({.bucket = "box", .region = "cn-north-1"}, "k", "") ==
          "https://box.s3.cn-north-1.amazonaws.com.cn/k");
    CHECK(url_of({.bucket = "box", .path_style = true}, "k", "") ==
          "https://s3.us-east-1.amazonaws.com/box/k");
    CHECK(url_of({.bucket = "my.box"}, "k", "") == "https://s3.us-east-1.amazonaws.com/my.box/k");
    CHECK(url_of({.bucket = "Box_1"}, "k", "") == "https://s3.us-east-1.amazonaws.com/Box_1/k");
    CHECK(url_of({.bucket = "box", .endpoint = "https://s3.eu-west-1.amazonaws.com"}, "k", "") ==
          "https://box.s3.eu-west-1.amazonaws.com/k");
    CHECK(url_of({.bucket = "box", .endpoint = "http://127.0.0.1:9000/s3/"}, "k", "x=1") ==
          "http://127.0.0.1:9000/s3/box/k?x=1");
    CHECK(url_of({.bucket = "box", .endpoint = "https://minio.example.com"}, "", "") ==
          "https://minio.example.com/box");
    CHECK(url_of({.bucket = "box", .endpoint = "https://s3.example.com", .path_style = false}, "k",
                 "") == "https://box.s3.example.com/k");
}

TEST_CASE("gs and oci have endpoints of their own") {
    CHECK(url_of({.provider = Provider::google, .bucket = "box"}, "k", "") ==
          "https://storage.googleapis.com/box/k");
    CHECK(url_of({.provider = Provider::oracle,
                  .bucket = "box",
                  .region = "eu-zurich-1",
                  .account = "mine"},
                 "k", "") == "https://mine.compat.objectstorage.eu-zurich-1.oraclecloud.com/box/k");
    CHECK(has(refusal({.provider = Provider::oracle, .bucket = "box"}), "account=NAMESPACE"));
    CHECK((*S3Dialect::make({.provider = Provider::google, .bucket = "box"}))->address() ==
          "gs://box");
    CHECK((*S3Dialect::make({.provider = Provider::google, .bucket = "box"}))->condition("").name ==
          "x-goog-if-generation-match");
}

TEST_CASE("a region that is learned moves the provider's endpoint, and no other") {
    const auto amazon = *S3Dialect::make({.bucket = "box"});
    amazon->set_region("eu-west-1");
    CHECK(amazon->url("k", "") == "https://box.s3.eu-west-1.amazonaws.com/k");

    const auto given = *S3Dialect::make({.bucket = "box", .endpoint = "http://localhost:9000"});
    CHECK(given->region() == "us-east-1");
    given->set_region("eu-west-1");
    CHECK(given->region() == "eu-west-1");
    CHECK(given->url("k", "") == "http://localhost:9000/box/k");
    CHECK((*S3Dialect::make({.bucket = "b", .endpoint = "https://s3.eu-west-1.amazonaws.com"}))
              ->region() == "eu-west-1");
}

TEST_CASE("each wrong option of a bucket is refused by its name") {
    CHECK(has(refusal({}), "name of a bucket"));
    CHECK(has(refusal({.bucket = "a/b"}), "name of a bucket"));
    CHECK(has(refusal({.bucket = ".."}), "name of a bucket"));
    CHECK(has(refusal({.bucket = "box", .prefix = "/a"}), "prefix"));
    CHECK(has(refusal({.bucket = "box", .prefix = "a/../b"}), "prefix"));
    CHECK(has(refusal({.bucket = "box", .endpoint = "nowhere"}), "endpoint"));
    CHECK(has(refusal({.bucket = "box", .region = "eu/west"}), "region"));
    CHECK(has(refusal({.bucket = "box", .endpoint = "http://127.0.0.1", .path_style = false}),
              "pathStyle=true"));
    CHECK(has(refusal({.bucket = "box", .sse = "rot13"}), "aws:kms:KEY"));
    CHECK(has(refusal({.bucket = "box", .sse = "aws:kms:"}), "aws:kms:KEY"));
    CHECK(has(refusal({.bucket = "box", .sse = "aws:kms:a\nb"}), "aws:kms:KEY"));
    CHECK(has(refusal({.provider = Provider::google, .bucket = "box", .sse = "AES256"}), "gs://"));
}

TEST_CASE("every error of the table makes a sentence for each purpose") {
    const auto dialect = *S3Dialect::make({.bucket = "box", .endpoint = "http://localhost:9000"});
    for (const ErrorRow& row : dialect->errors()) {
        INFO(row.name);
        const Failure failure{.status = 400, .name = std::string(row.name), .message = "Why not."};
        for (const Purpose purpose : {Purpose::get, Purpose::put, Purpose::remove, Purpose::list}) {
            CHECK(row_of(*dialect, failure, purpose).sentence == row.sentence);
            const Error error = explained(*dialect, row, failure, purpose, "a file");
            CHECK(error.code == row.code);
            CHECK(error.explained);
            CHECK(!has(error.context, "{"));
            CHECK(has(error.context, "Why not.)"));
        }
    }
}

TEST_CASE("errors that differ in their message only are told apart") {
    const auto dialect = *S3Dialect::make({.bucket = "box"});
    const auto refined = [&](std::string name, std::string message, Purpose purpose) {
        const Failure failure{
            .status = 403, .name = std::move(name), .message = std::move(message)};
        return std::string(dialect->refined_name(failure, purpose));
    };
    const std::string lock = "Access Denied because object protected by Object Lock.";
    CHECK(refined("AccessDenied", lock, Purpose::remove) == "ObjectLocked");
    CHECK(refined("AccessDenied", lock, Purpose::get) == "AccessDenied");
    CHECK(refined("InvalidRequest", "Object is WORM protected and cannot be overwritten",
                  Purpose::put) == "ObjectLocked");
    CHECK(refined("InvalidRequest",
                  "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests "
                  "with Object Lock parameters",
                  Purpose::put) == "ChecksumRequired");
    CHECK(refined("AccessDenied", "Access Denied", Purpose::remove) == "AccessDenied");
}

}  // namespace flexfs::object
