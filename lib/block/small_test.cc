#include "lib/block/small.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstdlib>
#include <random>
#include <string>

namespace flexfs::block {
namespace {

using wire::Compression;

constexpr Compression all_codecs[] = {Compression::none, Compression::lz4, Compression::zstd};

std::string random_text(std::size_t size) {
    std::mt19937_64 dice(size);
    std::string bytes(size, '\0');
    for (char& c : bytes) c = char(dice());
    return bytes;
}

}  // namespace

TEST_CASE("small data is compressed where that makes it shorter, and unpacks to what it was") {
    CHECK(pack_small({}, Compression::lz4).empty());
    for (const Compression codec : all_codecs)
        for (const std::size_t size : {1, 127, 128, 1024, 8192, 16384}) {
            const std::string noise = random_text(size), data(size, 'x');
            const Buffer as_is = pack_small(as_bytes(noise), codec);
            CHECK(as_is.size() == size + 8);
            CHECK(unpack_small(as_is)->text() == noise);
            const Buffer packed = pack_small(as_bytes(data), codec);
            CHECK(unpack_small(packed)->text() == data);
            const bool compressed = codec != Compression::none && size >= small_bytes_min;
            if (compressed) CHECK(packed.size() < size / 3);
            else CHECK(packed.size() == size + 8);
        }
}

TEST_CASE("every flipped bit of packed data is EIO") {
    for (const Compression codec : all_codecs)
        for (const std::string& data : {std::string("tiny"), std::string(300, 'y')}) {
            const Buffer good = pack_small(as_bytes(data), codec);
            for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
                CAPTURE(bit);
                std::string flipped(good.text());
                flipped[bit / 8] ^= char(1 << bit % 8);
                const auto unpacked = unpack_small(Buffer::take(std::move(flipped)));
                // Some bits of an lz4 or zstd stream do not affect the decoded data.
                if (unpacked) CHECK(unpacked->text() == data);
                if (codec == Compression::none) CHECK(code_of(unpacked) == EIO);
            }
        }
}

TEST_CASE("the bytes of packed data are for ever") {
    using namespace std::string_view_literals;
    CHECK(pack_small(as_bytes("abc"sv), Compression::lz4).text() ==
          "\xa8\3\0\0\x50\x39\x2f\x89"
          "abc"sv);
    CHECK(unpack_small(Buffer::copy_of("\1\x64\0\0\x1f\x61\1\0\x4b\x50\x61\x61\x61\x61\x61"sv))
              ->text() == std::string(100, 'a'));
    CHECK(unpack_small(Buffer::copy_of("\2\x64\0\0\x28\xb5\x2f\xfd\x20\x64\x45\0\0\x10\x61\x61"
                                       "\1\0\x3f\1\x2c"sv))
              ->text() == std::string(100, 'a'));
}

TEST_CASE("data that cannot have been packed fails with EIO") {
    using namespace std::string_view_literals;
    const std::string_view bad[] = {""sv,
                                    "\3abcdef"sv,
                                    "\0abcdef"sv,
                                    "\1"sv,
                                    "\1\x64\0\0"sv,
                                    "\1\1\x40\0xxxx"sv,
                                    "\1\xff\xff\xffxxxx"sv,
                                    "\2\x05\0\0xx"sv,
                                    "\1\1\0\0aaaa"sv};
    for (const std::string_view bytes : bad)
        CHECK(code_of(unpack_small(Buffer::copy_of(bytes))) == EIO);

    const std::uint64_t seed =
        std::getenv("SEED") ? std::strtoull(std::getenv("SEED"), nullptr, 0) : 1;
    MESSAGE("SEED=", seed);
    std::mt19937_64 dice(seed);
    for (const Compression codec : {Compression::lz4, Compression::zstd}) {
        const Buffer good = pack_small(as_bytes(random_text(50) + std::string(500, 'y')), codec);
        for (int round = 0; round < 20'000; ++round) {
            std::string changed(good.text());
            for (auto changes = 1 + dice() % 4; changes > 0; --changes)
                changed[dice() % (dice() % 2 ? 5 : changed.size())] = char(dice());
            const std::size_t told = std::uint8_t(changed[1]) | std::uint8_t(changed[2]) << 8 |
                                     std::uint8_t(changed[3]) << 16;
            const auto unpacked = unpack_small(Buffer::take(std::move(changed)));
            if (unpacked) CHECK(unpacked->size() == told);
        }
    }
}

}  // namespace flexfs::block
