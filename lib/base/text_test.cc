#include "lib/base/text.h"

#include <doctest/doctest.h>

#include <cerrno>

namespace flexfs {

TEST_CASE("sizes accept every spelling of a binary unit") {
    for (const char* text : {"4MiB", "4Mi", "4M", "4m", "4194304", "4096K"})
        CHECK(parse_size(text) == 4u << 20);
    CHECK(parse_size("1.5K") == 1536u);
    CHECK(parse_size("5%", 1000) == 50u);
}

TEST_CASE("a size that is none is refused by a sentence that quotes it") {
    for (const char* text : {"", "x", "-1", "4Q", "4MM", "5%", "nan", "inf", "1e30", "101%"}) {
        auto size = parse_size(text);
        REQUIRE(!size);
        CHECK(size.error().code == EINVAL);
        CHECK(size.error().context.find(text) != std::string::npos);
    }
    CHECK(!parse_size("101%", 1000));
}

TEST_CASE("durations accept days to microseconds and -1 for forever") {
    using namespace std::chrono_literals;
    CHECK(parse_duration("7d") == Duration(168h));
    CHECK(parse_duration("45") == Duration(45s));
    CHECK(parse_duration("20ms") == Duration(20ms));
    CHECK(parse_duration("-1") == Duration::max());
    CHECK(!parse_duration("-2"));
    CHECK(!parse_duration("7 days"));
}

TEST_CASE("numbers are whole, unsigned and nothing else") {
    CHECK(parse_number("18446744073709551615") == UINT64_MAX);
    for (const char* text : {"", "1x", "-1", "18446744073709551616", " 1"})
        CHECK(!parse_number(text));
}

TEST_CASE("formatted sizes stay short") {
    CHECK(format_size(17) == "17 B");
    CHECK(format_size(4 << 20) == "4.0 MiB");
    CHECK(format_size(1023u << 10) == "1.0 MiB");
    CHECK(format_size(150u << 20) == "150 MiB");
}

TEST_CASE("times are read with offsets and fractions and written in UTC") {
    CHECK(parse_time("1970-01-01T00:00:00Z") == 0);
    CHECK(parse_time("2024-02-29T12:34:56.5Z") == 1'709'210'096'500'000'000);
    CHECK(parse_time("2024-02-29T13:34:56+01:00") == parse_time("2024-02-29t12:34:56z"));
    CHECK(format_time(1'709'210'096'999'999'999) == "2024-02-29T12:34:56Z");
    CHECK(format_time(-1) == "1969-12-31T23:59:59Z");
    for (const char* text :
         {"", "now", "2024-02-30T00:00:00Z", "2024-02-29T24:00:00Z", "2024-02-29T12:34:56",
          "2024-02-29 12:34:56Z", "2024-02-29T12:34:56.Z", "2024-02-29T12:34:56+1:00",
          "2024-02-29T12:34:56Zx", "9999-01-01T00:00:00Z", "1600-01-01T00:00:00Z"})
        CHECK_MESSAGE(!parse_time(text), text);
}

TEST_CASE("text escaped in octal comes back, and other backslashes stay") {
    CHECK(escape_octal("a b\\c\n#", " \n") == "a\\040b\\134c\\012#");
    for (const char* text : {"", " \n\\", "\\040", "plain", "\n\n"})
        CHECK(unescape_octal(escape_octal(text, " \n")) == text);
    for (const char* text : {"\\", "\\04", "\\0x4", "\\999", "a\\", "\\777"})
        CHECK(unescape_octal(text) == text);
}

}  // namespace flexfs
