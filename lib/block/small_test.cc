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

TEST_CASE("small data is packed where that makes it shorter, and unpacks to what it was") {
    for (const Compression codec : all_codecs)
        for (const std::size_t size : {0, 1, 127, 128, 1024, 8192, 16384}) {
            CHECK(pack_small(as_bytes(random_text(size)), codec).empty());
            const std::string data(size, 'x');
            const Buffer packed = pack_small(as_bytes(data), codec);
            CHECK(packed.empty() == (codec == Compression::none || size < small_bytes_min));
            if (packed.empty()) continue;
            CHECK(packed.size() < size / 3);
            CHECK(unpack_small(packed)->text() == data);
        }
}

TEST_CASE("the bytes of packed data are for ever") {
    using namespace std::string_view_literals;
    CHECK(unpack_small(Buffer::copy_of("\1\x64\0\0\x1f\x61\1\0\x4b\x50\x61\x61\x61\x61\x61"sv))
              ->text() == std::string(100, 'a'));
    CHECK(unpack_small(Buffer::copy_of("\2\x64\0\0\x28\xb5\x2f\xfd\x20\x64\x45\0\0\x10\x61\x61"
                                       "\1\0\x3f\1\x2c"sv))
              ->text() == std::string(100, 'a'));
}

TEST_CASE("what cannot have been packed is EIO, whatever it is") {
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
