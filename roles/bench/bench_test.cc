#include <doctest/doctest.h>
#include <stdlib.h>

#include <cerrno>
#include <filesystem>

#include "roles/bench/files.h"
#include "roles/bench/phases.h"
#include "roles/bench/report.h"

namespace flexfs::bench {
namespace {

struct Folder {
    std::string path;
    Folder() {
        char name[] = "/tmp/flexfs-bench-XXXXXX";
        path = mkdtemp(name);
    }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    bool empty() const { return std::filesystem::is_empty(path); }
};

const Sizes little{.large_bytes = 4 << 20, .files = 21, .small_bytes = {100, 5000}};

}  // namespace

TEST_CASE("every phase does all of its work, with one thread and with several") {
    Folder folder;
    for (unsigned threads : {1u, 4u}) {
        auto scratch = Scratch::make(folder.path, threads);
        REQUIRE(scratch);
        for (const Phase& phase : all_phases(little, *scratch, threads)) {
            const auto measured = run_phase(phase, threads, {});
            REQUIRE_MESSAGE(measured, phase.name);
            if (phase.name == "list") CHECK(measured->ops >= phase.total);
            else if (phase.unit == cli::Unit::bytes) CHECK(measured->bytes == phase.total);
            else CHECK(measured->ops == phase.total);
        }
        CHECK(std::filesystem::is_empty(scratch->folder(0)));
    }
    CHECK(folder.empty());
}

TEST_CASE("a failed phase leaves nothing behind and says what failed") {
    Folder folder;
    {
        auto scratch = Scratch::make(folder.path, 2);
        REQUIRE(scratch);
        auto phases = all_phases(little, *scratch, 2);
        REQUIRE(run_phase(phases[0], 2, {}));
        const auto again = run_phase(phases[0], 2, {});
        REQUIRE(!again);
        CHECK(again.error().code == EEXIST);
        CHECK(again.error().context.find(folder.path) != std::string::npos);
    }
    CHECK(folder.empty());
}

TEST_CASE("one worker's error stops the others") {
    const Phase phase{"wait", cli::Unit::count, 0, 0, [](unsigned worker, Meter& meter) {
                          if (worker == 1) return Result<void>(fail(ENOSPC, "here"));
                          Result<void> on;
                          while (on) on = meter.go_on();
                          return on;
                      }};

    const auto measured = run_phase(phase, 3, {});
    REQUIRE(!measured);
    CHECK(measured.error().code == ENOSPC);
}

TEST_CASE("pages from the wrong place are noticed") {
    Data data(1);
    const ByteView chunk = data.chunk(3);

    CHECK(Data::verify(chunk, 3 * 256, "f"));
    const auto wrong = Data::verify(chunk, 2 * 256, "f");
    REQUIRE(!wrong);
    CHECK(wrong.error().context.find("offset 2097152") != std::string::npos);
}

TEST_CASE("a folder without room, or that is none, is refused") {
    Folder folder;

    CHECK(check_room(folder.path, 1, 1));
    CHECK(check_room(folder.path, std::uint64_t{1} << 60, 1).error().code == ENOSPC);
    CHECK(check_room(folder.path + "/none", 1, 1).error().code == ENOENT);
    CHECK(check_room("/proc/version", 1, 1).error().code == ENOTDIR);
}

TEST_CASE("the summary has the median of each phase and number of threads") {
    const auto run = [](const char* phase, unsigned threads, std::uint64_t ops) {
        return Measured{phase, threads, ops, 0, std::chrono::seconds(1)};
    };
    const Measured all[] = {run("a", 1, 30), run("b", 1, 5), run("a", 4, 1), run("a", 1, 10),
                            run("a", 1, 20)};

    const auto rows = summary(all).json();
    REQUIRE(rows.size() == 3);
    CHECK(rows[0]["phase"] == "a");
    CHECK(rows[0]["ops_per_s"] == 20);
    CHECK(rows[0]["bytes_per_s"].is_null());
    CHECK(rows[1]["phase"] == "b");
    CHECK(rows[2]["threads"] == 4);
}

}  // namespace flexfs::bench
