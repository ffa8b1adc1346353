#include "roles/mount/takeover.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cerrno>

namespace flexfs::mount {
namespace {

Takeover sample() {
    Takeover takeover;
    takeover.restarts = 3;
    takeover.program = "/p";
    takeover.command = {"start", "/d", "/m"};
    takeover.background = true;
    takeover.volume.id = "v";
    takeover.kernel = 5;
    takeover.negotiated = {36, 7, 4096};
    takeover.files.session = 9;
    takeover.files.files = {{1, 2, 3, 4}};
    return takeover;
}

TEST_CASE("what is handed over arrives") {
    const auto memory = save_takeover(sample());
    REQUIRE(memory);
    const auto loaded = load_takeover(*memory);
    ::close(*memory);

    REQUIRE(loaded);
    CHECK(encode_takeover(*loaded) == encode_takeover(sample()));
    CHECK(takeover_command(*loaded, "--takeover", 8) ==
          std::vector<std::string>{"flexfs", "mount", "start", "/d", "/m", "--takeover=8"});
}

// Another version of flexfs has to read it: what stands where must never change.
TEST_CASE("a takeover keeps its form") {
    Takeover takeover;
    takeover.restarts = 1;
    takeover.program = "/p";
    takeover.command = {"start"};
    const std::string bytes = to_hex(encode_takeover(takeover));

    CHECK(
        bytes.starts_with("666c65786673544f"
                          "01000000"));
    CHECK(bytes.substr(32, 16) == "0100000000000000");
    CHECK(bytes.substr(48, 12) == "020000002f70");
    CHECK(bytes.substr(60, 26) ==
          "01000000"
          "05000000"
          "7374617274");
}

TEST_CASE("what is of another format, or no takeover at all, is refused with a sentence") {
    const Buffer bytes = encode_takeover(sample());
    std::string newer(bytes.text()), other(bytes.text());
    newer[8] = 2;
    other[0] = 'F';

    CHECK(decode_takeover(Buffer::take(std::move(newer))).error().message() ==
          "the running mount hands over in format 2, and this flexfs takes over in format 1");
    for (const Buffer& wrong : {Buffer(), bytes.slice(0, 10), bytes.slice(0, bytes.size() - 1),
                                Buffer::take(std::move(other))})
        CHECK(code_of(decode_takeover(wrong)) == EPROTO);
    CHECK(code_of(load_takeover(1000)) == EBADF);
}

}  // namespace
}  // namespace flexfs::mount
