#include "lib/block/chunk.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <random>
#include <string>

#include "lib/block/chunk_table.h"

namespace flexfs::block {
namespace {

Buffer joined(const EncodedFrame& frame) {
    std::string bytes(frame.header.text());
    for (const Buffer& piece : frame.body) bytes += piece.text();
    return Buffer::take(std::move(bytes));
}

// A frame of three chunks, and its bytes.
struct Sample {
    EncodedFrame frame;
    Buffer stored;
    std::string data;

    explicit Sample(Compression codec, char salt = 'a') {
        for (int i = 0; data.size() < 150'000; ++i) data += salt + std::to_string(i * 7);
        frame = encode_frame({.ino = 3}, {Buffer::copy_of(data)}, codec);
        stored = joined(frame);
    }
    Buffer chunk(std::uint32_t number) const {
        const auto place = ChunkTable::parse(frame.stored, frame.chunks)->place(number);
        return stored.slice(place.pos, place.stored);
    }
};

}  // namespace

TEST_CASE("a chunk decodes alone, and only as what it is") {
    for (const Compression codec : {Compression::none, Compression::lz4, Compression::zstd}) {
        const Sample a(codec), b(codec, 'b');
        CHECK(decode_chunk(a.chunk(1), {a.frame.check, 1})->text() ==
              a.data.substr(chunk_bytes, chunk_bytes));
        CHECK(decode_chunk(a.chunk(2), {a.frame.check, 2})->text() ==
              a.data.substr(2 * chunk_bytes));
        CHECK(code_of(decode_chunk(a.chunk(1), {a.frame.check, 0})) == EIO);
        CHECK(code_of(decode_chunk(b.chunk(1), {a.frame.check, 1})) == EIO);
        CHECK(code_of(decode_chunk(a.chunk(1).slice(1), {a.frame.check, 1})) == EIO);
        CHECK(code_of(decode_chunk({}, {a.frame.check, 1})) == EIO);
    }
}

// If both blocks were written at the same place, only the tables in their frames' headers differ.
TEST_CASE("a chunk of an earlier frame of the same place does not pass for a later one") {
    const Sample before(Compression::none, 'x'), after(Compression::none, 'y');
    REQUIRE(before.stored.size() == after.stored.size());
    CHECK(before.frame.check != after.frame.check);
    CHECK(code_of(decode_chunk(before.chunk(0), {after.frame.check, 0})) == EIO);
}

TEST_CASE("any changed bit of a chunk is EIO, and no other chunk suffers") {
    for (const Compression codec : {Compression::none, Compression::lz4}) {
        const Sample a(codec);
        const Buffer good = a.chunk(2);
        for (std::size_t bit = 0; bit < good.size() * 8; bit += bit < 1000 ? 1 : 97) {
            std::string bad(good.text());
            bad[bit / 8] ^= char(1 << bit % 8);
            if (decode_chunk(Buffer::take(std::move(bad)), {a.frame.check, 2})) FAIL("bit ", bit);
        }
        std::string tail(good.text());
        for (std::size_t at = tail.size() - chunk_tail_bytes; at < tail.size(); ++at) {
            std::string bad(tail);
            bad[at] ^= 1;
            CHECK(code_of(decode_chunk(Buffer::take(std::move(bad)), {a.frame.check, 2})) == EIO);
        }
        CHECK(decode_chunk(a.chunk(1), {a.frame.check, 1}));
    }
}

TEST_CASE("a list of chunks is what it was made of") {
    std::mt19937_64 dice(1);
    for (int round = 0; round < 1000; ++round) {
        std::vector<std::uint32_t> bodies(1 + dice() % 128);
        std::uint32_t stored = header_bytes + std::uint32_t(bodies.size()) * 24;
        for (std::uint32_t& body : bodies) {
            body = dice() % 3 == 0 ? 0 : 1 + std::uint32_t(dice() % (chunk_bytes - 1));
            stored += body == 0 ? chunk_bytes : body;
        }
        const std::string list = chunk_list(bodies);
        CHECK(list.size() <= wire::chunk_list_bytes_max);
        const auto table = ChunkTable::parse(stored, list);
        REQUIRE(table);
        REQUIRE(table->count() == bodies.size());
        for (std::uint32_t n = 0; n < bodies.size(); ++n)
            CHECK(table->place(n).stored ==
                  (bodies[n] == 0 ? chunk_bytes : bodies[n]) + chunk_tail_bytes);
        CHECK(table->place(table->count() - 1).pos + table->place(table->count() - 1).stored ==
              stored);
    }
}

TEST_CASE("the bytes of a list of chunks are for ever") {
    CHECK(to_hex(as_bytes(chunk_list({0, 300, 0, 0, 5}))) == "0501ac020205");
    CHECK(chunk_list({0, 0}).empty());
    CHECK(chunk_list({7}).empty());
}

TEST_CASE("no list of chunks makes a table that leaves its frame") {
    std::mt19937_64 dice(2);
    for (int round = 0; round < 100'000; ++round) {
        std::string list(dice() % 12, '\0');
        for (char& c : list) c = char(dice() % 2 ? dice() : dice() % 4);
        const auto stored = std::uint32_t(dice() % (dice() % 2 ? 300 : 10 << 20));
        const auto table = ChunkTable::parse(stored, list);
        if (!table) continue;
        std::uint64_t end = table->place(0).pos;
        REQUIRE(end == header_bytes + table->count() * chunk_entry_bytes);
        for (std::uint32_t n = 0; n < table->count(); ++n) {
            REQUIRE(table->place(n).pos == end);
            REQUIRE(table->place(n).stored > chunk_tail_bytes);
            REQUIRE(table->place(n).stored <= chunk_bytes + chunk_tail_bytes);
            end += table->place(n).stored;
        }
        REQUIRE(end == stored);
    }
}

}  // namespace flexfs::block
