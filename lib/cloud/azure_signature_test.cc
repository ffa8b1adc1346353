#include "lib/cloud/azure_signature.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "lib/base/text.h"

namespace flexfs::cloud {
namespace {

const Time moment = *parse_time("2015-06-26T23:39:12Z");

std::vector<Buffer> body_of(std::string_view text) {
    std::vector<Buffer> pieces;
    pieces.push_back(Buffer::copy_of(text));
    return pieces;
}

http::Request blob_request() {
    return {.method = "PUT",
            .url = "http://127.0.0.1:10000/devstoreaccount1/box/k%20y?comp=block&BlockId=a%2Bb",
            .headers = {{"X-Ms-Blob-Type", " BlockBlob "}, {"If-None-Match", "*"}},
            .body = body_of("hello world")};
}

}  // namespace

TEST_CASE("a key signs the text that the documentation of Azure gives") {
    const auto text = azure_text_to_sign(
        {.url = "https://myaccount.blob.core.windows.net/mycontainer?restype=container&"
                "comp=metadata&timeout=20",
         .headers = {{"x-ms-version", "2015-02-21"},
                     {"x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT"}}},
        "myaccount");

    CHECK(text ==
          "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\n"
          "x-ms-version:2015-02-21\n/myaccount/mycontainer\ncomp:metadata\nrestype:container\n"
          "timeout:20");
}

TEST_CASE("a request with an account key gets the signature that another program calculated") {
    auto request = blob_request();
    const Credentials key{.kind = Credentials::Kind::account_key,
                          .id = "devstoreaccount1",
                          // The well-known key of Azure's storage emulator.
                          .secret =
                              "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq"
                              "/K1SZFPTOtr/KBHBeksoGMGw=="};
    REQUIRE(sign_as_azure(request, key, moment));

    CHECK(request.headers.find("x-ms-date") == "Fri, 26 Jun 2015 23:39:12 GMT");
    CHECK(request.headers.find("x-ms-version") == azure_version);
    CHECK(azure_text_to_sign(request, key.id) ==
          "PUT\n\n\n11\n\n\n\n\n\n*\n\n\nx-ms-blob-type:BlockBlob\n"
          "x-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2021-12-02\n"
          "/devstoreaccount1/devstoreaccount1/box/k%20y\nblockid:a+b\ncomp:block");
    CHECK(request.headers.find("Authorization") ==
          "SharedKey devstoreaccount1:EBwwNfdUz0gHzz5iqiHFeFGPFJH+p4rU5B6VzHDtwWM=");
}

TEST_CASE("a SAS token becomes a part of the query, and a token a header") {
    auto request = blob_request();
    REQUIRE(sign_as_azure(request, {.kind = Credentials::Kind::sas, .secret = "sv=1&sig=x%3D"},
                          moment));
    CHECK(request.url.ends_with("?comp=block&BlockId=a%2Bb&sv=1&sig=x%3D"));
    CHECK_FALSE(request.headers.find("Authorization"));

    http::Request plain{.url = "https://a.example.com/box/k"};
    REQUIRE(sign_as_azure(plain, {.kind = Credentials::Kind::token, .secret = "abc"}, moment));
    CHECK(plain.url == "https://a.example.com/box/k");
    CHECK(plain.headers.find("Authorization") == "Bearer abc");
}

TEST_CASE("a SAS token that has expired, and a key that is not in base64, are refused") {
    auto request = blob_request();
    const auto late = sign_as_azure(
        request, {.kind = Credentials::Kind::sas, .secret = "se=2015-06-26T23%3A39%3A11Z&sig=hush"},
        moment);
    REQUIRE(!late);
    CHECK(late.error().code == EACCES);
    CHECK(late.error().message() ==
          "the shared access signature (SAS token) expired at 2015-06-26T23:39:11Z; give another "
          "one");

    const auto broken = sign_as_azure(
        request, {.kind = Credentials::Kind::account_key, .id = "a", .secret = "hush!"}, moment);
    REQUIRE(!broken);
    CHECK(broken.error().code == EACCES);
    CHECK_FALSE(broken.error().message().contains("hush"));
}

TEST_CASE("days and months of a date in a header are in English") {
    CHECK(http_date(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK(http_date(*parse_time("2024-02-29T23:59:59Z")) == "Thu, 29 Feb 2024 23:59:59 GMT");
}

}  // namespace flexfs::cloud
