#include "lib/object/http_text.h"

#include <doctest/doctest.h>

#include <cerrno>

namespace flexfs::object {

TEST_CASE("escaped text reads back as the bytes that it was") {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all += char(byte);

    CHECK(unescaped(escaped_path(all)) == all);
    CHECK(unescaped(escaped_query(all)) == all);
    CHECK(escaped_path("a b/c+d%e~\xc3\xa4") == "a%20b/c%2Bd%25e~%C3%A4");
    CHECK(escaped_query("a/b=c&d") == "a%2Fb%3Dc%26d");
    CHECK(unescaped("a+b") == "a b");
    for (const char* wrong : {"%", "%1", "%g1", "%1g", "%-1", "a%"})
        CHECK(code_of(unescaped(wrong)) == EINVAL);
}

TEST_CASE("a date of HTTP is read, and other text is refused") {
    CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777'000'000'000);
    for (const char* wrong : {"", "yesterday", "Sun, 06 Nov 1994 08:49:37", "1994-11-06T08:49:37Z",
                              "Sun, 06 Nov 1994 08:49:37 GMT+1", "Sun, 06 Nov 9994 08:49:37 GMT"})
        CHECK(code_of(parse_http_date(wrong)) == EINVAL);
    CHECK(code_of(parse_http_date({"Sun, 06 Nov 1994 08:49:37 GMT\0x", 31})) == EINVAL);
}

TEST_CASE("a content range is read, and one that contradicts itself is refused") {
    const auto range = parse_content_range("bytes 5-9/100");
    REQUIRE(range);
    CHECK(range->begin == 5);
    CHECK(range->end == 10);
    CHECK(range->whole == 100);
    CHECK(!parse_content_range("bytes 5-9/*")->whole);
    CHECK(parse_content_range("bytes */0")->whole == 0);
    for (const char* wrong :
         {"", "5-9/100", "bytes 9-5/100", "bytes 5-9/9", "bytes 5-9", "bytes 5-9/", "bytes 5-9/1x",
          "bytes -9/100", "bytes 0-18446744073709551615/*", "bytes 5-99999999999999999999/*",
          "items 5-9/100", "bytes 5-9/100, 20-30/100"})
        CHECK(!parse_content_range(wrong));
}

}  // namespace flexfs::object
