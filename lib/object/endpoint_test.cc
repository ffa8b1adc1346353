#include "lib/object/endpoint.h"

#include <doctest/doctest.h>

#include <cerrno>

namespace flexfs::object {

TEST_CASE("an endpoint is a URL without query and credentials, and anything else is refused") {
    const auto plain = parse_endpoint("http://127.0.0.1:9000/");
    REQUIRE(plain);
    CHECK(plain->host == "127.0.0.1:9000");
    CHECK(plain->path.empty());
    CHECK(plain->is_literal());
    const auto long_one = parse_endpoint("https://s3.example.com/a/b/");
    REQUIRE(long_one);
    CHECK(long_one->text() == "https://s3.example.com/a/b");
    CHECK(!long_one->is_literal());
    CHECK(parse_endpoint("http://[::1]:80")->is_literal());
    CHECK(parse_endpoint("http://localhost:80")->name() == "localhost");

    for (const char* text :
         {"", "s3.example.com", "ftp://s3.example.com", "https://", "https://:80",
          "https://user:secret@s3.example.com", "https://s3.example.com?a=b", "https://a b",
          "https://s3.example.com:99999", "https://s3.example.com:", "http://[::1", "http://[]",
          "https://s3.example.com/%2e", "https://a\r\nb"}) {
        INFO(text);
        const auto refused = parse_endpoint(text);
        REQUIRE(!refused);
        CHECK(refused.error().code == EINVAL);
        CHECK(refused.error().message().find("write https://HOST") != std::string::npos);
    }
}

}  // namespace flexfs::object
