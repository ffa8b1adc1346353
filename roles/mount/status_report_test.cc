#include "roles/mount/status_report.h"

#include <doctest/doctest.h>

#include <cerrno>

namespace flexfs::mount {
namespace {

constexpr Time second = 1'000'000'000;

MountStatus sample() {
    MountStatus status;
    status.mount_point = "/mnt/a";
    status.address = "/data";
    status.pid = 42;
    status.files.dirty_bytes = 3 << 20;
    status.files.dirty_files = 2;
    status.files.open_handles = 7;
    status.memory_budget = 256 << 20;
    status.memory_used = 1 << 20;
    return status;
}

}  // namespace

TEST_CASE("a status has the keys that are documented") {
    const Json json = to_json(sample(), 0);

    CHECK(json["pid"] == 42);
    CHECK(json["mount_point"] == "/mnt/a");
    CHECK(json["state"] == "serving");
    CHECK(json["open_handles"] == 7);
    CHECK(json["version"].is_string());
    for (const char* request : {"get", "put", "delete", "list"})
        CHECK(json["store"]["requests"][request] == 0);
    CHECK(json["store"]["bytes"]["put"] == 0);
    CHECK(json["dirty"]["bytes"] == 3 << 20);
    CHECK(json["dirty"]["files"] == 2);
    CHECK(json["dirty"]["late"] == 0);
    CHECK(json["dirty"]["written_back_bytes"] == 0);
    CHECK(json["read_only"] == false);
    CHECK(json["limits"]["bytes"].is_null());
    CHECK(json["reads"]["failed"] == 0);
    CHECK(json["memory"]["budget"] == 256 << 20);
    CHECK(json["memory"]["used"] == 1 << 20);
}

TEST_CASE("counters of a metadata service appear only if it runs in this process") {
    MountStatus status = sample();
    CHECK(!to_json(status, 0).contains("metadata"));
    status.service.emplace().changes.batches = 5;
    CHECK(to_json(status, 0)["metadata"]["records"] == 5);
}

TEST_CASE("trouble with writing back is reported while it lasts, and since when") {
    MountStatus status = sample();
    CHECK(!to_json(status, 0)["dirty"].contains("trouble"));
    CHECK(trouble_sentence(to_json(status, 0)).empty());
    status.files.trouble = {ENOSPC, "No space left on device", 100 * second};

    const Json json = to_json(status, 112 * second);
    CHECK(json["dirty"]["trouble"]["errno"] == ENOSPC);
    CHECK(json["dirty"]["trouble"]["for_s"] == 12.0);
    CHECK(trouble_sentence(json) ==
          "cannot write back 3.0 MiB in 2 files (for 12 s): No space left on device; retrying");
}

TEST_CASE("one mount is described in lines, those about trouble only if there is any") {
    MountStatus status = sample();
    status.files.dirty_oldest = std::chrono::seconds(12);
    status.files.dirty_bound = std::chrono::seconds(10);
    status.volume.max_blocks = 256;
    const std::string calm = description(to_json(status, 0));
    CHECK(calm.find("state           serving, read-write\n") != std::string::npos);
    CHECK(calm.find("not stored yet  3.0 MiB in 2 files, the oldest for 12 s\n") !=
          std::string::npos);
    CHECK(calm.find("limits          1.0 GiB of data, unlimited inodes\n") != std::string::npos);
    for (const char* line : {"trouble ", "late ", "failed reads "})
        CHECK(calm.find(line) == std::string::npos);

    status.read_only = true;
    status.files.dirty_late = 3;
    status.files.failed_reads = 2;
    status.files.trouble = {EIO, "it is away", 0};
    const std::string text = description(to_json(status, second));
    CHECK(text.find("serving, read-only\n") != std::string::npos);
    CHECK(text.find("late            3 times, data was not stored within 10 s\n") !=
          std::string::npos);
    CHECK(text.find("failed reads    2, because") != std::string::npos);
    CHECK(text.find("trouble         cannot write back 3.0 MiB in 2 files (for 1 s): it is away; "
                    "retrying\n") != std::string::npos);

    status.files.dirty_bytes = status.files.dirty_files = 0;
    CHECK(unstored_sentence(to_json(status, 0)) == "nothing");
    const Json older = {{"mount_point", "/m"}, {"pid", 1}};
    CHECK(description(older).starts_with("mount point     /m\n"));
}

TEST_CASE("the overview has a line for each mount, and one for each trouble") {
    MountStatus status = sample();
    status.phase = Phase::stopping;
    status.files.dirty_files = 1;
    status.files.trouble = {EIO, "it is away", 0};
    const std::string text =
        overview(Json::array({to_json(status, second), dead_mount("/mnt/b", "/data/b")}));

    CHECK(text.starts_with("mount point  volume"));
    CHECK(text.find("/mnt/a       /data    stopping   42") != std::string::npos);
    CHECK(text.find("1.0 MiB of 256 MiB") != std::string::npos);
    CHECK(text.find("/mnt/b       /data/b  dead") != std::string::npos);
    CHECK(
        text.ends_with("/mnt/a: cannot write back 3.0 MiB in 1 file (for 1 s): it is away; "
                       "retrying\n"));
}

TEST_CASE("the status of another version is shown as far as it goes") {
    const Json older = {
        {"mount_point", "/mnt/a"}, {"volume", {{"address", "/data"}}}, {"pid", 1},
        {"dirty", {{"bytes", 0}}}, {"memory", Json::object()},         {"open_handles", 0}};

    CHECK(overview(Json::array({older})).find("serving") != std::string::npos);
    CHECK(dead_mount("/m", "/d")["state"] == "dead");
}

}  // namespace flexfs::mount
