#include "lib/process/handover.h"

#include <doctest/doctest.h>

#include <cerrno>

namespace flexfs::process {
namespace {

struct Sample {
    static constexpr std::string_view magic = "flexfsXX";
    static constexpr std::uint32_t format = 7;
    std::uint64_t number = 0;
    std::string text;
    FLEXFS_FIELDS(number, text)
};

}  // namespace

TEST_CASE("the next image reads what was saved, however often it is read") {
    const auto memory = save_handover(encode_handover(Sample{42, std::string(100'000, 'x')}));
    REQUIRE(memory);

    for (int i = 0; i < 2; ++i) {
        const auto bytes = load_handover(memory->get());
        REQUIRE(bytes);
        const auto read = decode_handover<Sample>(*bytes);
        REQUIRE(read);
        CHECK(read->number == 42);
        CHECK(read->text.size() == 100'000);
    }
}

TEST_CASE("a hand-over begins with its magic and its format") {
    const std::string bytes = to_hex(encode_handover(Sample{}));

    CHECK(
        bytes.starts_with("666c657866735858"
                          "07000000"));
}

TEST_CASE("another format, other bytes and cut ones are refused with EPROTO") {
    const Buffer bytes = encode_handover(Sample{1, "text"});
    std::string newer(bytes.text()), other(bytes.text());
    newer[8] = 8;
    other[0] = 'F';

    CHECK(decode_handover<Sample>(Buffer::take(std::move(newer))).error().message() ==
          "the running process hands over in format 8, but this flexfs takes over in format 7");
    for (const Buffer& wrong : {Buffer(), bytes.slice(0, 10), bytes.slice(0, bytes.size() - 1),
                                Buffer::take(std::move(other))})
        CHECK(code_of(decode_handover<Sample>(wrong)) == EPROTO);
    CHECK(code_of(load_handover(1000)) == EBADF);
}

}  // namespace flexfs::process
