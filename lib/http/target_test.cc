#include "lib/http/target.h"

#include <doctest/doctest.h>

#include <cerrno>

namespace flexfs::http {
namespace {

Error refused(Request request) {
    const auto target = target_of(request);
    REQUIRE(!target);
    CHECK(target.error().code == EINVAL);
    CHECK(target.error().message().find("secret") == std::string::npos);
    return target.error();
}

}  // namespace

TEST_CASE("the target of a request is the host of its URL, with the port that it names") {
    CHECK(target_of({.url = "https://bucket.example.com/a/../b?signature=secret"}).value() ==
          "bucket.example.com");
    CHECK(target_of({.method = "PUT", .url = "http://127.0.0.1:9000"}).value() == "127.0.0.1:9000");
    CHECK(target_of({.url = "http://[::1]:9000/x"}).value() == "[::1]:9000");
}

TEST_CASE("a request that could not be sent as it is, is refused without showing it") {
    for (const char* url :
         {"", "/secret", "secret", "ftp://secret/", "file:///secret", "http://",
          "http://h/a secret", "http://h/a\nsecret", "http://user:secret@h/", "http://secret@h/",
          "http://h/#secret", "http://h:99999/secret", "gopher://h/secret"}) {
        CAPTURE(url);
        refused({.url = url});
    }
    refused({.url = std::string("http://h/\0secret", 16)});
    refused({.method = "TRACE", .url = "http://h/"});
    refused({.url = "http://h/", .headers = {{"A", "b\r\nSecret: secret"}}});
    refused({.url = "http://h/", .headers = {{"A: b", "secret"}}});
    refused({.url = "http://h/", .headers = {{"", "secret"}}});
}

}  // namespace flexfs::http
