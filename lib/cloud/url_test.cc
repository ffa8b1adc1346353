#include "lib/cloud/url.h"

#include <doctest/doctest.h>

#include <cerrno>

namespace flexfs::cloud {

TEST_CASE("a URL is split into what its parts are in a request") {
    const auto url = split_url("https://b.example.com:443/a%20b?x=1&y=#z");
    REQUIRE(url);
    CHECK(url->host == "b.example.com");
    CHECK(url->path == "/a%20b");
    CHECK(url->query == "x=1&y=");

    CHECK(split_url("http://[::1]:8080")->host == "[::1]:8080");
    CHECK(split_url("http://h?q")->path == "/");
    CHECK(split_url("http://h?q")->query == "q");
}

TEST_CASE("text that is no URL, or has a password, is refused and not quoted") {
    for (const char* text : {"", "bucket", "ftp://h/", "http:///secret", "http://a:secret@h/"}) {
        const auto url = split_url(text);
        REQUIRE_MESSAGE(!url, text);
        CHECK(url.error().code == EINVAL);
        CHECK_FALSE(url.error().message().contains("secret"));
    }
}

TEST_CASE("escaped text is read back, and broken escapes stay as they are") {
    CHECK(escaped("a b/ü~") == "a%20b%2F%C3%BC~");
    CHECK(unescaped("a%20b%2F%C3%BC~") == "a b/ü~");
    CHECK(unescaped("%") == "%");
    CHECK(unescaped("%4") == "%4");
    CHECK(unescaped("%zz%41") == "%zzA");
    CHECK(form_of({{"a b", "c&d"}, {"e", ""}}) == "a%20b=c%26d&e=");
}

TEST_CASE("secrets may be sent over TLS and to this machine, and nowhere else") {
    for (const char* url : {"https://example.com/", "http://127.0.0.1:80/", "http://127.8.9.1",
                            "http://localhost/", "http://[::1]:9/"})
        CHECK_MESSAGE(is_private(url), url);
    for (const char* url :
         {"http://example.com/", "http://127.0.0.1.example.com/", "http://localhost.example.com",
          "http://10.0.0.1/", "127.0.0.1", "http://127.0.0.1@example.com/"})
        CHECK_MESSAGE(!is_private(url), url);
}

}  // namespace flexfs::cloud
