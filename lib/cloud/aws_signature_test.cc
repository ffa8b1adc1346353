#include "lib/cloud/aws_signature.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "lib/base/text.h"
#include "lib/crypto/crypto.h"

namespace flexfs::cloud {
namespace {

std::string body_hash(const http::Request& request) {
    return to_hex(crypto::sha256(request.body));
}

std::string authorization(http::Request request, const Credentials& key,
                          const SignatureScope& scope) {
    const auto done = sign_as_aws(request, key, scope, body_hash(request));
    if (!done) return done.error().message();
    return std::string(request.headers.find("Authorization").value_or(""));
}

std::string signature_in(const std::string& authorization) {
    return authorization.substr(authorization.find("Signature=") + 10);
}

std::vector<Buffer> body_of(std::string text) {
    std::vector<Buffer> pieces;
    // In two pieces, which must not matter.
    pieces.push_back(Buffer::copy_of(text.substr(0, 3)));
    pieces.push_back(Buffer::copy_of(text.substr(3)));
    return pieces;
}

// The key and the scope of AWS's test suite for signature version 4.
const Credentials suite_key{.kind = Credentials::Kind::key,
                            .id = "AKIDEXAMPLE",
                            .secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};

std::string of_suite(http::Request request) {
    return authorization(
        std::move(request), suite_key,
        {.time = *parse_time("2015-08-30T12:36:00Z"), .region = "us-east-1", .service = "service"});
}

const std::string suite_host = "https://example.amazonaws.com";
const std::string unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
struct SuiteCase {
    const char* name;
    http::Request request;
    const char* signature;
};
const SuiteCase suite_cases[] = {
    {"get-vanilla",
     {.url = suite_host + "/"},
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-vanilla without a path",
     {.url = suite_host},
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-unreserved",
     {.url = suite_host + "/" + unreserved},
     "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {"get-utf8",
     {.url = suite_host + "/%E1%88%B4"},
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"get-vanilla-empty-query-key",
     {.url = suite_host + "/?Param1=value1"},
     "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
    {"get-vanilla-query-order-key-case",
     {.url = suite_host + "/?Param2=value2&Param1=value1"},
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"get-vanilla-query-order-value",
     {.url = suite_host + "/?Param1=value2&Param1=value1"},
     "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
    {"get-vanilla-query-unreserved",
     {.url = suite_host + "/?" + unreserved + "=" + unreserved},
     "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
    {"get-vanilla-utf8-query",
     {.url = suite_host + "/?%E1%88%B4=bar"},
     "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    {"get-header-key-duplicate",
     {.url = suite_host + "/",
      .headers = {{"My-Header1", "value2"}, {"my-header1", "value2"}, {"MY-HEADER1", "value1"}}},
     "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    {"get-header-value-order",
     {.url = suite_host + "/",
      .headers = {{"My-Header1", "value4"},
                  {"My-Header1", "value1"},
                  {"My-Header1", "value3"},
                  {"My-Header1", "value2"}}},
     "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
    {"get-header-value-trim",
     {.url = suite_host + "/",
      .headers = {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\" "}}},
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"post-vanilla",
     {.method = "POST", .url = suite_host + "/"},
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"post-vanilla-query",
     {.method = "POST", .url = suite_host + "/?Param1=value1"},
     "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
    {"post-header-key-sort",
     {.method = "POST", .url = suite_host + "/", .headers = {{"My-Header1", "value1"}}},
     "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
    {"post-header-value-case",
     {.method = "POST", .url = suite_host + "/", .headers = {{"My-Header1", "VALUE1"}}},
     "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
    {"post-x-www-form-urlencoded",
     {.method = "POST",
      .url = suite_host + "/",
      .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
      .body = body_of("Param1=value1")},
     "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
    {"post-x-www-form-urlencoded-parameters",
     {.method = "POST",
      .url = suite_host + "/",
      .headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf8"}},
      .body = body_of("Param1=value1")},
     "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"},
};

// The key of the examples in the documentation of Amazon S3.
const Credentials s3_key{.kind = Credentials::Kind::key,
                         .id = "AKIAIOSFODNN7EXAMPLE",
                         .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
const SignatureScope s3_scope{.time = *parse_time("2013-05-24T00:00:00Z"), .region = "us-east-1"};

std::string of_s3(http::Request request) {
    return authorization(std::move(request), s3_key, s3_scope);
}

}  // namespace

TEST_CASE("requests of AWS's test suite get the signatures that it lists") {
    for (const SuiteCase& each : suite_cases) {
        INFO(std::string(each.name));
        CHECK(signature_in(of_suite(each.request)) == each.signature);
    }
    CHECK(of_suite(suite_cases[0].request) ==
          "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
          "SignedHeaders=host;x-amz-date, "
          "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

TEST_CASE("requests of the documentation of S3 get the signatures that it lists") {
    const std::string host = "https://examplebucket.s3.amazonaws.com";

    CHECK(of_s3({.url = host + "/test.txt", .headers = {{"Range", "bytes=0-9"}}}) ==
          "AWS4-HMAC-SHA256 "
          "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
          "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
          "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    CHECK(signature_in(of_s3({.method = "PUT",
                              .url = host + "/test%24file.text",
                              .headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                                          {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                              .body = body_of("Welcome to Amazon S3.")})) ==
          "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    CHECK(signature_in(of_s3({.url = host + "/?lifecycle"})) ==
          "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    CHECK(signature_in(of_s3({.url = host + "/?max-keys=2&prefix=J"})) ==
          "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_CASE("a request has the hash of its body, and a session token, as signed headers") {
    http::Request request{.method = "PUT",
                          .url = "http://localhost:9000/b/k",
                          .headers = {{"User-Agent", "x"}, {"Content-MD5", "y"}},
                          .body = body_of("Welcome to Amazon S3.")};
    Credentials key = s3_key;
    key.session_token = "temporary";
    REQUIRE(sign_as_aws(request, key, s3_scope, body_hash(request)));

    CHECK(request.headers.find("x-amz-content-sha256") ==
          "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
    CHECK(request.headers.find("x-amz-security-token") == "temporary");
    const auto canonical = canonical_request(request, body_hash(request));
    REQUIRE(canonical);
    CHECK(canonical->text.contains("host:localhost:9000\n"));
    CHECK(canonical->signed_headers ==
          "content-md5;host;x-amz-content-sha256;x-amz-date;x-amz-security-token");
}

TEST_CASE("a request that is signed again is signed as if it was the first time") {
    http::Request request{.url = "https://b.example.com/k"};
    REQUIRE(sign_as_aws(request, s3_key, s3_scope, body_hash(request)));
    const std::string first(*request.headers.find("Authorization"));
    REQUIRE(sign_as_aws(request, s3_key, s3_scope, body_hash(request)));
    CHECK(request.headers.find("Authorization") == first);
}

TEST_CASE("a URL may escape more or less than a signature does") {
    const auto signature_of = [](std::string path) {
        return signature_in(of_s3({.url = "https://b.example.com" + std::move(path)}));
    };
    CHECK(signature_of("/a$b/%c3%bc~//?p=a%2fb&q") ==
          signature_of("/%61%24b/%C3%BC%7E//?q=&p=a/b"));
    CHECK(signature_of("/a%2Fb") != signature_of("/a/b"));
    CHECK(signature_of("/a%2520b") != signature_of("/a%20b"));
}

TEST_CASE("a request with headers of Google is signed in Google's spelling") {
    http::Request request{.method = "PUT",
                          .url = "https://storage.googleapis.com/box/k",
                          .headers = {{"X-Goog-If-Generation-Match", "0"}}};
    SignatureScope scope = s3_scope;
    scope.region = "auto";
    REQUIRE(sign_as_aws(request, s3_key, scope, body_hash(request)));

    const std::string_view made = *request.headers.find("Authorization");
    CHECK(
        made.starts_with("GOOG4-HMAC-SHA256 "
                         "Credential=AKIAIOSFODNN7EXAMPLE/20130524/auto/storage/goog4_request, "
                         "SignedHeaders=host;x-goog-content-sha256;x-goog-date;"
                         "x-goog-if-generation-match, "));
    CHECK_FALSE(request.headers.find("x-amz-date"));
}

TEST_CASE("a request without a URL cannot be signed") {
    http::Request request{.url = "bucket/key"};
    const auto done = sign_as_aws(request, s3_key, s3_scope, body_hash(request));
    REQUIRE(!done);
    CHECK(done.error().code == EINVAL);
}

}  // namespace flexfs::cloud
