#include "roles/mount/takeover.h"

#include <doctest/doctest.h>

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

TEST_CASE("the options of a hand-over arrive") {
    const auto memory = process::save_handover(process::encode_handover(sample()));
    REQUIRE(memory);

    const auto loaded = load_takeover(memory->get());
    REQUIRE(loaded);
    CHECK(process::encode_handover(*loaded) == process::encode_handover(sample()));
    CHECK(loaded->whole_command() ==
          std::vector<std::string>{"flexfs", "mount", "start", "/d", "/m"});
}

TEST_CASE("only descriptors that exist are kept open") {
    Takeover takeover = sample();
    takeover.mount_lock = 6;

    CHECK(takeover.descriptors() == std::vector<int>{5, 6});
}

// Another version of flexfs has to read it: the layout must never change.
TEST_CASE("a takeover keeps its form") {
    Takeover takeover;
    takeover.restarts = 1;
    takeover.program = "/p";
    takeover.command = {"start"};
    const std::string bytes = to_hex(process::encode_handover(takeover));

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

}  // namespace
}  // namespace flexfs::mount
