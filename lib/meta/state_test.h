// A volume's State in its own folder, for tests of what lies below Volume.
#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>

#include "lib/meta/load.h"
#include "lib/meta/transact.h"

namespace flexfs::meta {

struct StateFixture {
    std::string folder = std::filesystem::temp_directory_path() / "flexfs-state-XXXXXX";
    std::unique_ptr<State> state = std::make_unique<State>();

    StateFixture() {
        REQUIRE(::mkdtemp(folder.data()));
        REQUIRE(load(*state, {.path = folder + "/meta.db", .now = 10}));
    }
    ~StateFixture() {
        state.reset();
        std::filesystem::remove_all(folder);
    }

    // Applies the requests for `count` names in one batch, and returns the code of each.
    template <class F>
    std::vector<int> each(int count, F request) {
        std::vector<Call> calls;
        for (int i = 0; i < count; ++i) calls.push_back({.request = request(std::to_string(i))});
        std::vector<int> codes;
        const auto outcomes = meta::apply(*state, calls, WhenFull::refuse);
        for (const Outcome& outcome : *outcomes) codes.push_back(code_of(outcome.reply));
        return codes;
    }
    int call(Request request) {
        const Call call{.request = std::move(request)};
        return code_of(meta::apply(*state, {&call, 1}, WhenFull::refuse)->front().reply);
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

}  // namespace flexfs::meta
