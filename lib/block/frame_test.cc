#include "lib/block/frame.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstdlib>
#include <random>
#include <string>

#include "lib/block/chunk_table.h"
#include "lib/block/whole_frame_test.h"

namespace flexfs::block {
namespace {

constexpr Compression all_codecs[] = {Compression::none, Compression::lz4, Compression::zstd};

std::string random_text(std::size_t size, std::uint64_t seed) {
    std::mt19937_64 dice(seed);
    std::string bytes(size, '\0');
    for (char& c : bytes) c = char(dice());
    return bytes;
}

std::string prose(std::size_t size) {
    static const char* const words[] = {"extent ", "inode ", "segment ", "the ", "of ",  "a ",
                                        "frame ",  "lies ",  "over ",    "and ", "not ", "\n"};
    std::mt19937_64 dice(1);
    std::string text;
    while (text.size() < size) text += words[dice() % std::size(words)];
    text.resize(size);
    return text;
}

std::vector<Buffer> cut(const std::string& text, std::size_t piece) {
    std::vector<Buffer> pieces;
    for (std::size_t at = 0; at < text.size(); at += piece)
        pieces.push_back(Buffer::copy_of(text.substr(at, piece)));
    return pieces;
}

Buffer joined(const EncodedFrame& frame) {
    std::string bytes(frame.header.text());
    for (const Buffer& piece : frame.body) bytes += piece.text();
    return Buffer::take(std::move(bytes));
}

// Returns the error message of decode_frame().
std::string refusal(const Buffer& stored, std::uint64_t check) {
    const auto decoded = decode_frame(stored, check);
    if (decoded) return "accepted";
    return decoded.error().code == EIO ? decoded.error().context : "another code";
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

// Returns the frame with other bytes in its header and a check that is correct for the result;
// `table_end` is the end of the table of a chunked frame.
Buffer forged(const Buffer& stored, std::size_t at, std::string_view bytes,
              std::size_t table_end = std::string::npos) {
    std::string forgery(stored.text());
    forgery.replace(at, bytes.size(), bytes);
    const ByteView view = as_bytes(forgery);
    const ByteView rest = view.first(std::min(table_end, view.size())).subspan(48);
    const auto check = Hash().add(view.first(40)).add(rest).value();
    store<8>(reinterpret_cast<std::byte*>(forgery.data()) + 40, check);
    return Buffer::take(std::move(forgery));
}

Buffer from_hex(std::string_view hex) {
    std::vector<std::byte> bytes;
    for (std::size_t at = 0; at + 1 < hex.size(); at += 2)
        bytes.push_back(std::byte(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16)));
    return Buffer::take(std::move(bytes));
}

}  // namespace

TEST_CASE("a frame decodes to what was encoded, in any codec, from any pieces") {
    for (const Compression codec : all_codecs)
        for (const std::size_t size : {1, 2, 17, 4096, 200'000, 1 << 20, 8 << 20})
            for (const bool compressible : {true, false}) {
                const std::string data = compressible ? prose(size) : random_text(size, size);
                const auto frame = encode_frame({.ino = 7, .idx = 3},
                                                cut(data, size < 5000 ? 1000 : 70'001), codec);
                const Buffer stored = joined(frame);

                CHECK(stored.size() == frame.stored);
                CHECK(frame.decoded == size);
                const auto decoded = decode_frame(stored, frame.check);
                REQUIRE(decoded);
                CHECK(decoded->text() == data);
                const std::size_t chunks = (size + chunk_bytes - 1) / chunk_bytes;
                CHECK(frame.stored <= header_bytes + chunks * 24 + size);
                if (compressible && codec != Compression::none && size > 1000)
                    CHECK(frame.stored < size / 2 + 72);
            }
}

// The bytes are: magic and format; codec, lengths, offset; index; nonce; inode; check; the table
// (length of the body, its codec and hash); the body; the tail (length of the data, codec, seal).
TEST_CASE("the bytes of a frame are for ever") {
    const FrameInfo info{.ino = 0x1122334455667788, .idx = 0xaabbccddeeff, .off = 0x010203};
    const auto frame = encode_frame(info, {Buffer::copy_of("hello")}, Compression::none);

    CHECK(to_hex(joined(frame)) ==
          "46584602"
          "001d0000050000030201"
          "ffeeddccbbaa"
          "000000000000000000000000"
          "8877665544332211"
          "e562b0346ba975aa"
          "05000000"
          "fddc625c55e85595"
          "68656c6c6f"
          "05000000"
          "d3ce3eb5538117b2");
}

// The output of compressors may change with their versions; old output must still decode.
TEST_CASE("compressed frames of any age decode") {
    const std::string_view frames[] = {
        "46584601010e0000e80300030201ffeeddccbbaa0000000000000000000000008877665544332211"
        "1c4c574e4b5f5ffd1f610100ffffffd2506161616161",
        "4658460102130000e80300030201ffeeddccbbaa0000000000000000000000008877665544332211"
        "6ae12c21578c870928b52ffd60e8024d00001061610100e32b8005",
    };
    for (const std::string_view hex : frames) {
        const Buffer stored = from_hex(hex);
        const auto decoded = decode_frame(stored, check_of(stored));
        REQUIRE(decoded);
        CHECK(decoded->text() == std::string(1000, 'a'));
    }
}

TEST_CASE("whole frames of older programs decode, and one that is damaged is EIO") {
    for (const Compression codec : all_codecs) {
        const std::string data = prose(300'000);
        const Buffer stored = whole_frame({.ino = 7, .off = 5}, data, codec);
        const auto decoded = decode_frame(stored, check_of(stored));
        REQUIRE(decoded);
        CHECK(decoded->text() == data);
        std::string bad(stored.text());
        bad[bad.size() / 2] ^= 1;
        CHECK(has(refusal(Buffer::take(bad), check_of(stored)), "checksum"));
        CHECK(
            has(refusal(stored.slice(0, stored.size() - 1), check_of(stored)), "bytes are there"));
        CHECK(code_of(parse_table(stored)) == EIO);
    }
}

TEST_CASE("an extent's list leads to every chunk, and the header's table says the same") {
    for (const Compression codec : all_codecs)
        for (const bool compressible : {true, false})
            for (const std::size_t size : {1, 5000, 65'536, 65'537, 131'072, 1'000'000, 4 << 20}) {
                std::string data = compressible ? prose(size) : random_text(size, size);
                if (size == 1'000'000) data.replace(200'000, 300'000, random_text(300'000, 1));
                const auto frame = encode_frame({.ino = 1}, cut(data, 100'000), codec);
                const Buffer stored = joined(frame);
                const auto table = ChunkTable::parse(frame.stored, frame.chunks);
                REQUIRE(table);
                std::string read;
                for (std::uint32_t n = 0; n < table->count(); ++n) {
                    const auto place = table->place(n);
                    const auto chunk =
                        decode_chunk(stored.slice(place.pos, place.stored), {frame.check, n});
                    REQUIRE(chunk);
                    CHECK((chunk->size() == chunk_bytes || n + 1 == table->count()));
                    read += chunk->text();
                }
                CHECK(read == data);
                CHECK(chunk_list(*parse_table(stored)) == frame.chunks);
                CHECK(frame.chunks.size() <= size * 3 / 10'000);
            }
}

TEST_CASE("chunks that are not compressed take no room in the extent") {
    const auto frame =
        encode_frame({.ino = 1}, {Buffer::copy_of(random_text(4 << 20, 1))}, Compression::lz4);
    CHECK(frame.chunks.empty());
    CHECK(frame.stored == header_bytes + (4 << 20) + 64 * 24);
    CHECK(encode_frame({.ino = 1}, {Buffer::copy_of(prose(60'000))}, Compression::lz4)
              .chunks.empty());
}

TEST_CASE(
    "what is stored uncompressed is the input itself, and what is decoded of a chunk a slice") {
    const std::string data = random_text(300'000, 1);
    const auto pieces = cut(data, 100'000);
    const auto frame = encode_frame({.ino = 1}, pieces, Compression::zstd);
    const Buffer stored = joined(frame);

    CHECK(frame.body[0].data() == pieces[0].data());
    CHECK(frame.body[2].data() == pieces[0].data() + chunk_bytes);
    CHECK(frame.body[3].data() == pieces[1].data());
    const auto first = ChunkTable::parse(frame.stored, frame.chunks)->place(0);
    const Buffer chunk = stored.slice(first.pos, first.stored);
    CHECK(decode_chunk(chunk, {frame.check, 0})->data() == chunk.data());
}

TEST_CASE("data of which only a part can be compressed is compressed when that saves a sixteenth") {
    std::string data = random_text(3 << 20, 1) + prose(1 << 20);
    for (const Compression codec : {Compression::lz4, Compression::zstd}) {
        const auto frame = encode_frame({.ino = 1}, cut(data, 1 << 20), codec);
        CHECK(frame.stored < (4 << 20) - (4 << 20) / 16);
    }
    data = random_text(100'000, 1) + prose(2000);
    CHECK(encode_frame({.ino = 1}, cut(data, 1 << 20), Compression::zstd).stored ==
          header_bytes + 2 * 24 + data.size());
}

TEST_CASE("the same data elsewhere is another frame, with another check") {
    const std::vector<Buffer> data = {Buffer::copy_of("data")};
    const auto check = encode_frame({.ino = 1}, data, Compression::none).check;
    CHECK(check != encode_frame({.ino = 2}, data, Compression::none).check);
    CHECK(check != encode_frame({.ino = 1, .idx = 1}, data, Compression::none).check);
    CHECK(check != encode_frame({.ino = 1, .off = 1}, data, Compression::none).check);
}

TEST_CASE("a damaged frame is EIO and the context says what is wrong") {
    const auto frame =
        encode_frame({.ino = 77, .idx = 3}, {Buffer::copy_of(prose(5000))}, Compression::lz4);
    const Buffer good = joined(frame);
    std::string bad(good.text());
    bad[100] ^= 1;
    std::string bad_table(good.text());
    bad_table[50] ^= 1;

    CHECK(has(refusal(Buffer::take(bad), frame.check), "inode 77, block 3"));
    CHECK(has(refusal(Buffer::take(bad), frame.check), "chunk 0 of the frame: its checksum"));
    CHECK(has(refusal(Buffer::take(bad_table), frame.check), "the checksum of its header"));
    CHECK(has(refusal(good, frame.check + 1), "not the one expected"));
    CHECK(has(refusal(good.slice(0, 200), frame.check), "200 bytes are there"));
    CHECK(has(refusal(good.slice(0, 47), frame.check), "47 bytes are no frame"));
    CHECK(has(refusal({}, frame.check), "0 bytes are no frame"));
    CHECK(has(refusal(good.slice(1), frame.check), "no frame here"));
    const auto refuse = [&](std::size_t at, std::string_view bytes) {
        const Buffer forgery = forged(good, at, bytes, 60);
        return refusal(forgery, check_of(forgery));
    };
    using namespace std::string_view_literals;
    CHECK(has(refuse(3, "\3"), "format 3"));
    CHECK(has(refuse(4, "\x11"), "unknown cipher 1"));
    CHECK(has(refuse(4, "\x0f"), "unknown codec 15"));
    CHECK(has(refuse(4, "\1"), "unknown codec 1"));
    CHECK(has(refuse(5, "\xff\xff\xff"), "impossible lengths"));
    CHECK(has(refuse(5, "\x10\0\0"sv), "impossible lengths"));
    CHECK(has(refuse(8, "\xff\xff\xff"), "impossible lengths"));
    CHECK(has(refuse(8, "\0\0\0"sv), "impossible lengths"));
    CHECK(has(refuse(11, "\xff\xff\xff"), "impossible lengths"));
    CHECK(has(refuse(48, "\0\0\0"sv), "impossible lengths"));
    CHECK(has(refuse(51, "\0"sv), "impossible lengths"));
    CHECK(has(refuse(20, "another nonce"), "belongs to another frame"));
    const Buffer old = whole_frame({.ino = 5}, prose(5000), Compression::lz4);
    const auto refuse_old = [&](std::size_t at, std::string_view bytes) {
        const Buffer forgery = forged(old, at, bytes);
        return refusal(forgery, check_of(forgery));
    };
    CHECK(has(refuse_old(4, "\2"), "does not decompress"));
    CHECK(has(refuse_old(4, "\0"sv), "impossible lengths"));
    CHECK(has(refuse_old(8, "\x89"), "does not decompress"));
}

TEST_CASE("no changed bit goes unnoticed") {
    for (const Compression codec : all_codecs) {
        const auto frame = encode_frame({.ino = 5}, {Buffer::copy_of(prose(600))}, codec);
        const Buffer good = joined(frame);
        for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
            std::string bad(good.text());
            bad[bit / 8] ^= char(1 << bit % 8);
            if (decode_frame(Buffer::take(std::move(bad)), frame.check)) FAIL("bit ", bit);
        }
    }
}

TEST_CASE("forged frames with a right checksum neither crash nor give another length") {
    const std::uint64_t seed =
        std::getenv("SEED") ? std::strtoull(std::getenv("SEED"), nullptr, 0) : 1;
    MESSAGE("SEED=", seed);
    std::mt19937_64 dice(seed);
    for (const Compression codec : all_codecs) {
        const auto frame = encode_frame({.ino = 5}, {Buffer::copy_of(prose(150'000))}, codec);
        for (const bool whole : {true, false}) {
            const Buffer good = whole ? whole_frame({.ino = 5}, prose(3000), codec) : joined(frame);
            const std::size_t table_end = whole ? std::string::npos : 48 + 3 * 12;
            const std::size_t head = whole ? 48 : table_end;
            for (int round = 0; round < 10'000; ++round) {
                std::string bad(good.text());
                for (auto changes = 1 + dice() % 4; changes > 0; --changes)
                    bad[dice() % (dice() % 2 ? head : bad.size())] = char(dice());
                const Buffer forgery =
                    forged(Buffer::take(std::move(bad)), 0, whole ? "FXF\1" : "FXF\2", table_end);
                if (const auto decoded = decode_frame(forgery, check_of(forgery)))
                    CHECK(decoded->size() == load<3>(forgery.data() + 8));
            }
        }
    }
}

}  // namespace flexfs::block
