#include "lib/cloud/xml.h"

#include <doctest/doctest.h>

#include <cerrno>

namespace flexfs::cloud {
namespace {

std::string complaint(std::string_view text, XmlLimits limits = {}) {
    const auto parsed = Xml::parse(text, limits);
    if (parsed) return "none";
    CHECK(parsed.error().code == EPROTO);
    return parsed.error().message();
}

}  // namespace

TEST_CASE("elements are found by name, and their text is what stands in them") {
    const auto xml = Xml::parse(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<s3:List xmlns:s3=\"http://x/\"><Key>a&amp;b<![CDATA[<c>]]>&#x64;</Key><Key> </Key>"
        "<s3:More>true</s3:More><Empty/></s3:List>");

    REQUIRE(xml);
    CHECK(xml->root().name() == "List");
    CHECK(xml->root().child_text("Key") == "a&b<c>d");
    CHECK(xml->root().child_text("More") == "true");
    CHECK(xml->root().child_text("Empty") == "");
    CHECK(xml->root().child_text("Absent") == std::nullopt);
    REQUIRE(xml->root().children("Key").size() == 2);
    CHECK(xml->root().children("Key")[1].text() == " ");
    CHECK_FALSE(xml->root().child("Absent").child("Key"));
}

TEST_CASE("text that is no XML document is refused with a sentence") {
    CHECK(complaint("").starts_with("this is not XML"));
    CHECK(complaint("{\"a\": 1}").starts_with("this is not XML"));
    CHECK(complaint("<a><b></a>").starts_with("this is not XML"));
    CHECK(complaint("<a>").starts_with("this is not XML"));
    CHECK(complaint(std::string_view("<a/>\0<b/>", 9)) == "the XML has a zero byte");
}

TEST_CASE("a document above a limit is refused, and a deep one is read") {
    CHECK(complaint("<a>12345</a>", {.bytes_max = 11}).contains("12 bytes"));
    CHECK(complaint("<a><b/><b/></a>", {.tags_max = 3}).contains("4 tags"));
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += "<a>";
    for (int i = 0; i < 100'000; ++i) deep += "</a>";
    CHECK(complaint(deep) == "none");
}

TEST_CASE("entities that a document declares are not expanded") {
    const auto xml =
        Xml::parse("<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><a>&e;</a>");

    REQUIRE(xml);
    CHECK(xml->root().text() == "&e;");
}

}  // namespace flexfs::cloud
