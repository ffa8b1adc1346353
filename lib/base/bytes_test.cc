#include "lib/base/bytes.h"

#include <doctest/doctest.h>

namespace flexfs {

TEST_CASE("a slice shares memory and outlives the buffer it came from") {
    Buffer whole = Buffer::copy_of("hello world");
    Buffer part = whole.slice(6, 5);
    const std::byte* inside = whole.data() + 6;
    whole = {};

    CHECK(part.text() == "world");
    CHECK(part.data() == inside);
}

TEST_CASE("a writable buffer freezes to its used part without a copy") {
    WritableBuffer out(8);
    std::memcpy(out.data(), "abcdefgh", 8);
    const std::byte* memory = out.data();
    Buffer frozen = std::move(out).freeze(3);

    CHECK(frozen.text() == "abc");
    CHECK(frozen.data() == memory);
}

TEST_CASE("hex digits are lower case and keep leading zeros") {
    CHECK(to_hex(as_bytes(std::string_view("\x00\xAF", 2))) == "00af");
}

TEST_CASE("base64 is that of RFC 4648") {
    CHECK(to_base64({}) == "");
    CHECK(to_base64(as_bytes("f")) == "Zg==");
    CHECK(to_base64(as_bytes("fo")) == "Zm8=");
    CHECK(to_base64(as_bytes("foobar")) == "Zm9vYmFy");
    CHECK(to_base64(as_bytes("\xfb\xff\xfe")) == "+//+");
    CHECK(to_base64url(as_bytes("\xfb\xff\xfe\xff")) == "-__-_w");
}

TEST_CASE("base64 is read back, and text that is none is refused") {
    for (const char* text : {"", "f", "fo", "foo", "foob", "\xfb\xff\xfe"})
        CHECK(from_base64(to_base64(as_bytes(text)))->text() == text);
    for (const char* text :
         {"Zg", "Zg=", "Z===", "=", "====", "Zg==Zg==", "Zh==", "Z-8=", " Zg==", "Zm9v\n", "Zm=v"})
        CHECK_MESSAGE(!from_base64(text), text);
}

}  // namespace flexfs
