#include "lib/crypto/crypto.h"

#include <doctest/doctest.h>

#include <string>

namespace flexfs::crypto {

TEST_CASE("a hash is the one that FIPS 180-4 gives for abc") {
    constexpr unsigned char expected[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
                                          0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
                                          0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
                                          0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    const Buffer hash = sha256(Buffer::copy_of("abc").view());

    CHECK(hash.text() == std::string_view(reinterpret_cast<const char*>(expected), 32));
}

TEST_CASE("random bytes are as many as were asked for, and others each time") {
    CHECK(random_bytes(1000).size() == 1000);
    CHECK(random_bytes(16).text() != random_bytes(16).text());
}

TEST_CASE("bytes are equal only when all of them are, and none is missing") {
    const auto equal = [](std::string_view a, std::string_view b) {
        return equal_in_constant_time(Buffer::copy_of(a).view(), Buffer::copy_of(b).view());
    };
    CHECK(equal("secret", "secret"));
    CHECK_FALSE(equal("secret", "secreT"));
    CHECK_FALSE(equal("secret", "secre"));
    CHECK(equal("", ""));
}

}  // namespace flexfs::crypto
