#include "lib/crypto/crypto.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "lib/crypto/rsa_key_test.h"

namespace flexfs::crypto {

TEST_CASE("a hash is the one that FIPS 180-4 gives for abc") {
    constexpr unsigned char expected[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
                                          0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
                                          0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
                                          0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    const Buffer hash = sha256(Buffer::copy_of("abc").view());

    CHECK(hash.text() == std::string_view(reinterpret_cast<const char*>(expected), 32));
}

TEST_CASE("a hash of pieces is the hash of what they make together") {
    const std::vector<Buffer> pieces = {Buffer::copy_of("a"), Buffer(), Buffer::copy_of("bc")};
    CHECK(sha256(pieces) == sha256(as_bytes("abc")));
    CHECK(sha256(std::vector<Buffer>()) == sha256(ByteView()));
}

TEST_CASE("an MD5 is the one that RFC 1321 gives, however its input is cut into pieces") {
    const std::vector<Buffer> pieces = {Buffer::copy_of("message "), Buffer(),
                                        Buffer::copy_of("digest")};
    CHECK(to_hex(md5(pieces)) == "f96b697d7cb7938d525a2f31aaf161d0");
    CHECK(to_hex(md5({})) == "d41d8cd98f00b204e9800998ecf8427e");
}

TEST_CASE("an HMAC is the one that RFC 4231 gives") {
    const auto hmac = [](std::string key, std::string_view data) {
        return to_hex(hmac_sha256(as_bytes(key), as_bytes(data)));
    };
    CHECK(hmac(std::string(20, '\x0b'), "Hi There") ==
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(hmac("Jefe", "what do ya want for nothing?") ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(
        hmac(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First") ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("an RS256 signature is the one that another program calculated") {
    const auto signature = sign_rs256(test_rsa_key, as_bytes(test_rs256_text));

    REQUIRE(signature);
    CHECK(to_base64(*signature) == test_rs256_signature);
}

TEST_CASE("text that is no RSA key, or one with a passphrase, is refused without a question") {
    // The beginning of a key is enough to be asked for its passphrase.
    const std::string locked =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
        "MIIC5TBfBgkqhkiG9w0BBQ0wUjAxBgkqhkiG9w0BBQwwJAQQv4sbH4KK3zvwjpuQ\n"
        "gGGlEAICCAAwDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEED2Nmcec4YYS4IYk\n"
        "-----END ENCRYPTED PRIVATE KEY-----\n";
    const std::string elliptic =
        "-----BEGIN PRIVATE KEY-----\n"
        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYBYJyTsmngQau73y\n"
        "MbgbAJxXFaHXaPhrzdmmBVsb2xGhRANCAARMPWuk2w4FdmDUq4naWEPMMQ4vA6r/\n"
        "VJQejpR8g/ZBfBAeI56LuSKxZJxwP6EumGDpmc243WrQ7B8k4vYPiX1+\n"
        "-----END PRIVATE KEY-----\n";
    for (const std::string& pem :
         {std::string(), std::string("no key"), locked, elliptic, std::string(1 << 20, 'a')}) {
        const auto signature = sign_rs256(pem, as_bytes("text"));
        REQUIRE(!signature);
        CHECK(signature.error().code == EINVAL);
        CHECK(signature.error().message().starts_with("the private key is "));
    }
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
