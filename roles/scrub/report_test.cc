#include "roles/scrub/report.h"

#include <doctest/doctest.h>

namespace flexfs::scrub {
namespace {

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a report names the damaged files, and says how much was read") {
    wire::ScrubState state{.segments = 2, .segments_total = 2, .bytes = 3 << 20};
    CHECK(has(report(state), "2 of 2 objects were read, 3.0 MiB: nothing is damaged"));

    state.damaged = 3;
    state.found = {{"/a/b", 7, 4096, 100, "v/00/1", "the object is missing"},
                   {"", 9, 0, 1, "v/00/2", "its check is wrong"}};
    CHECK(has(report(state), "/a/b"));
    CHECK(has(report(state), "(no name, inode 9)"));
    CHECK(has(report(state), "and 1 more"));
    CHECK(has(report(state), "3 ranges of files cannot be read"));
    CHECK(to_json(state)["found"][0]["offset"] == 4096);
    CHECK(to_json(state)["found"][1]["path"] == "");
}

}  // namespace flexfs::scrub
