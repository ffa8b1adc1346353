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
