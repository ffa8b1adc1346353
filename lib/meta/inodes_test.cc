// What reaches the database of inodes that change in memory, and how many of them stay there.
#include "lib/meta/inodes.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>

#include "lib/meta/load.h"
#include "lib/meta/transact.h"

namespace flexfs::meta {
namespace {

struct Fixture {
    std::string folder = std::filesystem::temp_directory_path() / "flexfs-inodes-XXXXXX";
    std::unique_ptr<State> state = std::make_unique<State>();

    Fixture() {
        REQUIRE(::mkdtemp(folder.data()));
        REQUIRE(load(*state, {.path = folder + "/meta.db", .now = 10}));
    }
    ~Fixture() {
        state.reset();
        std::filesystem::remove_all(folder);
    }

    // Of `count` names, in one batch. The code of each.
    template <class F>
    std::vector<int> each(int count, F request) {
        std::vector<Call> calls;
        for (int i = 0; i < count; ++i) calls.push_back({.request = request(std::to_string(i))});
        std::vector<int> codes;
        for (const Outcome& outcome : meta::apply(*state, calls))
            codes.push_back(code_of(outcome.reply));
        return codes;
    }
    bool create(int count) {
        return each(count, [](std::string name) {
                   return wire::Make{.parent = 1, .name = std::move(name), .mode = S_IFREG};
               }) == std::vector<int>(std::size_t(count), 0);
    }
    bool unlink(int count) {
        return each(count, [](std::string name) {
                   return wire::Unlink{.parent = 1, .name = std::move(name)};
               }) == std::vector<int>(std::size_t(count), 0);
    }
    std::uint64_t rows_written_back() {
        const std::uint64_t before = state->db->writes();
        REQUIRE(write_back(*state));
        return state->db->writes() - before;
    }
};

}  // namespace

TEST_CASE("a folder that gains many names is written once, and what lives shortly not at all") {
    Fixture f;
    REQUIRE(f.create(100));
    CHECK(f.rows_written_back() == 101);
    REQUIRE(f.unlink(100));
    REQUIRE(commit_pending(*f.state));

    REQUIRE(f.create(100));
    REQUIRE(f.unlink(100));
    CHECK(f.rows_written_back() == 3);  // the folder and two counters
}

TEST_CASE("calls that are refused leave no more inodes in memory than others") {
    Fixture f;
    constexpr int count = 20'000;
    REQUIRE(f.create(count));
    REQUIRE(commit_pending(*f.state));

    for (int round = 0; round < 2; ++round) {
        const auto codes = f.each(count, [](std::string name) {
            return wire::Rmdir{.parent = 1, .name = std::move(name)};
        });
        CHECK(codes == std::vector<int>(count, ENOTDIR));
    }
    REQUIRE(f.unlink(1));
    CHECK(f.state->inodes.size() < count / 2);
}

}  // namespace flexfs::meta
