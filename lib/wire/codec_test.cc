#include "lib/wire/codec.h"

#include <doctest/doctest.h>

#include <random>

#include "lib/wire/control.h"
#include "lib/wire/decode_any.h"
#include "lib/wire/fate.h"
#include "lib/wire/operations.h"

namespace flexfs::wire {
namespace {

// Two versions of one message.
struct Older {
    std::uint16_t a = 1;
    std::string b = "default";
    FLEXFS_FIELDS(a, b)
};
struct Newer {
    std::uint16_t a = 1;
    std::string b = "default";
    std::vector<std::uint32_t> c{7};
    Older d;
    FLEXFS_FIELDS(a, b, c, d)
};

Listing sample_listing() {
    Listing listing;
    for (int i = 0; i < 3; ++i) {
        DirEntry entry;
        entry.name = "file" + std::to_string(i);
        entry.ino = Ino(i) + 10;
        entry.attr.mode = 0100644;
        entry.attr.mtime = -5;
        listing.entries.push_back(entry);
    }
    listing.grant = Grant::shared;
    return listing;
}

Buffer damaged(const Buffer& from, std::mt19937& random) {
    std::vector<std::byte> bytes(from.data(), from.data() + from.size());
    const auto below = [&random](std::size_t n) { return random() % n; };
    for (std::size_t n = 1 + below(4); n > 0 && !bytes.empty(); --n) {
        const std::size_t at = below(bytes.size());
        switch (below(4)) {
            case 0: bytes[at] = std::byte(random()); break;
            case 1: bytes[at] = std::byte(0xff); break;
            case 2: bytes.resize(at); break;
            case 3: bytes.insert(bytes.begin() + std::ptrdiff_t(at), std::byte(random())); break;
        }
    }
    return Buffer::take(std::move(bytes));
}

}  // namespace

TEST_CASE("a lookup has these bytes for ever") {
    const Buffer bytes = encode(Lookup{.parent = 0x0102, .name = "ab"});

    CHECK(to_hex(bytes) ==
          "0e000000"
          "0201000000000000"
          "02000000"
          "6162");
}

TEST_CASE("an open, a list, a removal and an inode's attributes have these bytes for ever") {
    CHECK(to_hex(encode(Open{.ino = 1, .want = Grant::exclusive})) ==
          "09000000"
          "0100000000000000"
          "02");
    CHECK(to_hex(encode(Release{.inos = {1, 2}})) ==
          "14000000"
          "02000000"
          "0100000000000000"
          "0200000000000000");
    CHECK(to_hex(encode(Sync{})) == "00000000");
    CHECK(to_hex(encode(Stop{.force = true})) ==
          "01000000"
          "01");
    Attr attr{.ino = 1, .mode = 2, .uid = 3, .gid = 4, .nlink = 5, .size = 6, .used = 7};
    attr.atime = -1, attr.mtime = 9, attr.ctime = 10, attr.btime = 11;
    attr.rdev = 12, attr.parent = 13, attr.flags = 14, attr.has_xattrs = true;
    CHECK(to_hex(encode(Removed{attr, 15})) ==
          "6d000000"
          "5d000000"
          "0100000000000000"
          "02000000"
          "03000000"
          "04000000"
          "05000000"
          "0600000000000000"
          "0700000000000000"
          "ffffffffffffffff"
          "0900000000000000"
          "0a00000000000000"
          "0b00000000000000"
          "0c00000000000000"
          "0d00000000000000"
          "0e000000"
          "01"
          "0f00000000000000"
          "00000000");
}

TEST_CASE("an outcome is an errno with context, or the value") {
    using Outcome = Result<std::variant<Done, Target>>;
    const Outcome answer = Target{"x"};
    const Outcome refused = fail(ENOENT, "no");

    CHECK(to_hex(encode(answer)) ==
          "00000000"
          "01"
          "05000000"
          "01000000"
          "78");
    CHECK(to_hex(encode(refused)) ==
          "02000000"
          "02000000"
          "6e6f");
    CHECK(std::get<Target>(**decode<Outcome>(encode(answer))).target == "x");
    const Outcome back = *decode<Outcome>(encode(refused));
    CHECK(back.error().code == ENOENT);
    CHECK(back.error().context == "no");
}

TEST_CASE("only an error that is marked as a refusal permits to delete what the request used") {
    const Result<Done> cancelled = fail(ECANCELED), failed_sync = fail(EIO, "sync");
    const Result<Done> refused = fail(refuse({ENOSPC, {}}));
    const Result<Committed> some = Committed{.first_seq = {1, 0}, .errors = {0, ENOSPC}};
    const Result<Committed> none = Committed{.first_seq = {0, 0}, .errors = {ESTALE, ENOSPC}};
    const Result<Committed> lost = fail(ECONNRESET);

    CHECK(fate_of(Result<Done>(Done())) == Fate::applied);
    CHECK(fate_of(cancelled) == Fate::unknown);
    CHECK(fate_of(failed_sync) == Fate::unknown);
    CHECK(fate_of(refused) == Fate::refused);
    CHECK(fate_of(some, 0) == Fate::applied);
    CHECK(fate_of(some, 1) == Fate::refused);
    CHECK(fate_of(some, 2) == Fate::unknown);
    CHECK_FALSE(all_refused(some, 2));
    CHECK(all_refused(none, 2));
    CHECK_FALSE(all_refused(none, 3));
    CHECK_FALSE(all_refused(lost, 2));
    CHECK(all_refused(Result<Committed>(fail(refuse({ENOSPC, {}}))), 2));
}

TEST_CASE("a value survives encoding and decoding") {
    const Listing listing = sample_listing();
    const auto back = decode<Listing>(encode(listing));

    REQUIRE(back);
    REQUIRE(back->entries.size() == 3);
    CHECK(back->entries[2].name == "file2");
    CHECK(back->entries[2].attr == listing.entries[2].attr);
    CHECK(back->grant == Grant::shared);
    CHECK(!back->end);
}

TEST_CASE("a decoded buffer shares the memory of the message") {
    const Buffer bytes = encode(Value{Buffer::copy_of("contents")});
    const auto value = decode<Value>(bytes);

    REQUIRE(value);
    CHECK(value->value.text() == "contents");
    CHECK(value->value.data() == bytes.data() + 8);
}

TEST_CASE("an older decoder skips new fields and a newer one gives missing fields their default") {
    const Newer newer{.a = 5, .b = "x", .c = {1, 2}, .d = {.a = 6, .b = "y"}};
    const auto old = decode<Older>(encode(newer));
    const auto fresh = decode<Newer>(encode(Older{.a = 5, .b = "x"}));

    REQUIRE(old);
    CHECK(old->a == 5);
    CHECK(old->b == "x");
    REQUIRE(fresh);
    CHECK(fresh->b == "x");
    CHECK(fresh->c == std::vector<std::uint32_t>{7});
    CHECK(fresh->d.b == "default");
}

TEST_CASE("a message cut anywhere or with bytes behind it is refused with a sentence") {
    const Buffer bytes = encode(sample_listing());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto cut = decode<Listing>(bytes.slice(0, size));
        REQUIRE(!cut);
        CHECK(cut.error().code == EPROTO);
        CHECK(cut.error().context.starts_with("malformed message: at byte"));
    }
    std::string longer(bytes.text());

    CHECK(decode<Listing>(Buffer::take(longer + "x")).error().code == EPROTO);
}

TEST_CASE("lengths and counts beyond the message are refused before they cost memory") {
    const auto bytes = [](std::string_view text) { return Buffer::copy_of(text); };
    using namespace std::string_view_literals;

    CHECK(decode<Release>(bytes("\x04\0\0\0\xff\xff\xff\xff"sv)).error().code == EPROTO);
    CHECK(decode<Names>(bytes("\x04\0\0\0\xff\xff\xff\x7f"sv)).error().code == EPROTO);
    CHECK(decode<Target>(bytes("\x04\0\0\0\xff\xff\xff\xff"sv)).error().code == EPROTO);
    CHECK(decode<Sync>(bytes("\xff\xff\xff\xff"sv)).error().code == EPROTO);
    std::string many("\0\0\0\0\0\0\0\0", 8);
    many.resize(8 + 4 * 100'000);  // as many directory entries, all empty
    store_le(reinterpret_cast<std::byte*>(many.data()), std::uint32_t(many.size() - 4));
    store_le(reinterpret_cast<std::byte*>(many.data()) + 4, std::uint32_t(100'000));
    const auto refused = decode<Listing>(Buffer::take(many));
    REQUIRE(!refused);
    CHECK(refused.error().context.contains("too large for the message"));
}

TEST_CASE("numbers that are no enumerator, no truth value or no alternative are refused") {
    std::string open(encode(Open{.ino = 1}).text());
    open.back() = 3;
    std::string stop(encode(Stop{}).text());
    stop.back() = 2;
    using Either = std::variant<Done, Target>;
    std::string either(encode(Either{}).text());
    either.front() = 2;

    CHECK(decode<Open>(Buffer::take(open)).error().code == EPROTO);
    CHECK(decode<Stop>(Buffer::take(stop)).error().code == EPROTO);
    CHECK(decode<Either>(Buffer::take(either)).error().code == EPROTO);
}

TEST_CASE("no damage to a message does more than refuse it") {
    const unsigned seed = 20'240'817;
    CAPTURE(seed);
    std::mt19937 random(seed);
    Commit commit;
    commit.inodes.resize(2);
    commit.inodes[0].extents.resize(3);
    commit.inodes[1].inline_data = Buffer::copy_of("small");
    commit.segments.resize(1);
    const std::vector<Buffer> samples = {
        encode(sample_listing()), encode(commit), encode(Names{{"a", "b"}}),
        encode(Result<std::variant<Done, Entry>>(Entry{})), encode(Rename{.name = "n"})};
    for (int round = 0; round < 20'000; ++round) {
        const Buffer bytes = damaged(samples[random() % samples.size()], random);
        decode_any(bytes);
    }
}

}  // namespace flexfs::wire
