#include "lib/block/segment.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstdlib>
#include <random>

#include "lib/block/hash.h"
#include "lib/block/numbers.h"

namespace flexfs::block {
namespace {

EncodedFrame frame_of(Ino ino, std::string text) {
    const FrameInfo info{.ino = ino, .idx = ino * 2, .off = std::uint32_t(ino * 3)};
    return encode_frame(info, {Buffer::take(std::move(text))}, Compression::none);
}

std::string join(const std::vector<Buffer>& pieces) {
    std::string bytes;
    for (const Buffer& piece : pieces) bytes += piece.text();
    return bytes;
}

std::string sample() {
    SegmentBuilder segment(0x0102030405060708);
    segment.add(frame_of(1, "first"));
    segment.add(frame_of(2, "second one"));
    return join(segment.finish());
}

// Gives the footer of these bytes a correct hash.
void reseal(std::string& segment, std::size_t footer) {
    const ByteView bytes = as_bytes(segment);
    const auto checked = bytes.last(footer).first(footer - 8);
    store<8>(reinterpret_cast<std::byte*>(segment.data()) + segment.size() - 8,
             Hash().add(checked).value());
}

}  // namespace

TEST_CASE("frames lie where add() said, and the footer lists them") {
    SegmentBuilder segment(42);
    std::vector<std::uint32_t> places;
    std::vector<std::uint64_t> checks;
    for (Ino ino = 1; ino <= 100; ++ino) {
        auto frame = frame_of(ino, std::string(ino * 7, char(ino)));
        checks.push_back(frame.check);
        places.push_back(segment.add(std::move(frame)));
    }
    const std::size_t expected_bytes = segment.bytes();
    const std::string object = join(segment.finish());
    CHECK(object.size() == expected_bytes);
    CHECK(segment.bytes() == trailer_bytes);

    const ByteView bytes = as_bytes(object);
    const auto footer_bytes = footer_size(bytes.last(trailer_bytes));
    REQUIRE(footer_bytes);
    const auto footer = parse_footer(bytes.last(*footer_bytes), object.size());
    REQUIRE(footer);
    CHECK(footer->id == 42);
    REQUIRE(footer->entries.size() == 100);
    for (Ino ino = 1; ino <= 100; ++ino) {
        const SegmentEntry& entry = footer->entries[ino - 1];
        CHECK(entry ==
              SegmentEntry{.info = {.ino = ino, .idx = ino * 2, .off = std::uint32_t(ino * 3)},
                           .pos = places[ino - 1],
                           .stored = std::uint32_t(ino * 7 + header_bytes + 24),
                           .decoded = std::uint32_t(ino * 7),
                           .check = checks[ino - 1]});
        const Buffer stored = Buffer::copy_of(bytes.subspan(entry.pos, entry.stored));
        CHECK(decode_frame(stored, entry.check)->text() == std::string(ino * 7, char(ino)));
    }
}

TEST_CASE("the bytes of a footer are for ever") {
    const std::string object = sample();
    CHECK(to_hex(as_bytes(object).last(2 * entry_bytes + trailer_bytes)) ==
          "000000004d000000010000000000000002000000000000000300000005000000"
          "d99c215913239739"
          "4d0000005200000002000000000000000400000000000000060000000a000000"
          "06f5b3187d9b239f"
          "08070605040302019f000000000000000200000046585301"
          "478d618884afa2b3");
}

TEST_CASE("a damaged footer is EIO") {
    const std::string good = sample();
    const std::size_t footer = 2 * entry_bytes + trailer_bytes;
    for (std::size_t bit = (good.size() - footer) * 8; bit < good.size() * 8; ++bit) {
        std::string bad = good;
        bad[bit / 8] ^= char(1 << bit % 8);
        if (code_of(parse_footer(as_bytes(bad), bad.size())) != EIO) FAIL("bit ", bit);
    }
    CHECK(code_of(parse_footer(as_bytes(good), good.size() + 1)) == EIO);
    CHECK(code_of(parse_footer(as_bytes(good), good.size() - 1)) == EIO);
    CHECK(code_of(parse_footer(as_bytes(good).last(footer - 1), good.size())) == EIO);
    CHECK(code_of(parse_footer(as_bytes(good).last(footer), UINT64_MAX)) == EIO);
    CHECK(code_of(parse_footer({}, 0)) == EIO);
    CHECK(code_of(footer_size(as_bytes(good).first(40))) == EIO);
    CHECK(parse_footer(as_bytes(good).last(footer), good.size()));
}

TEST_CASE("forged footers with a right checksum list only frames that lie in the segment") {
    const std::uint64_t seed =
        std::getenv("SEED") ? std::strtoull(std::getenv("SEED"), nullptr, 0) : 1;
    MESSAGE("SEED=", seed);
    std::mt19937_64 dice(seed);
    const std::string good = sample();
    const std::size_t footer = 2 * entry_bytes + trailer_bytes;
    for (int round = 0; round < 100'000; ++round) {
        std::string bad = good;
        for (auto changes = 1 + dice() % 4; changes > 0; --changes)
            bad[bad.size() - footer + dice() % footer] = char(dice() % 4 ? dice() % 8 : dice());
        reseal(bad, footer);
        const auto parsed = parse_footer(as_bytes(bad), bad.size());
        if (!parsed) continue;
        std::uint64_t end = 0;
        for (const SegmentEntry& entry : parsed->entries) {
            CHECK(entry.pos == end);
            end += entry.stored;
        }
        CHECK(end + footer == bad.size());
    }
}

TEST_CASE("a segment's key names volume and id, and leads back to the id") {
    const std::string volume = "1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b";
    CHECK(segment_key(volume, 0x2a) == volume + "/d5/000000000000002a");
    for (const SegmentId id : {SegmentId{1}, SegmentId{0x123456}, ~SegmentId{0}}) {
        const std::string key = segment_key(volume, id);
        CHECK(segment_of_key(volume, key) == id);
        CHECK(!segment_of_key("other", key));
        CHECK(!segment_of_key(volume, key + "0"));
        CHECK(!segment_of_key(volume, key.substr(1)));
    }
    CHECK(!segment_of_key(volume, ""));
    CHECK(!segment_of_key(volume, volume + "/zz/000000000000002a"));
    CHECK(!segment_of_key(volume, volume + "/zz/00000000000000-1"));
}

}  // namespace flexfs::block
