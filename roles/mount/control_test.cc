#include "roles/mount/control.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "lib/loop/loop.h"
#include "lib/rpc/caller.h"

namespace flexfs::mount {
namespace {

// A mount that records its calls.
struct Fake final : Controlled {
    MountStatus now;
    std::string steps;
    std::string restarts_with;

    MountStatus status() const override { return now; }
    void stop(bool force) override { steps += force ? "cut off " : "stop "; }
    std::string refused() const override { return "the last one failed"; }
    Task<std::string> restart() override {
        steps += "restart ";
        co_return restarts_with;
    }
    Result<void> set_access_times(const std::string& list) override {
        if (list == "wrong") return explain(EINVAL, "unknown option");
        if (!list.empty()) steps += "times:" + list + " ";
        return {};
    }
    Task<wire::ScrubState> scrub(std::uint64_t) override { co_return wire::ScrubState{}; }
    Result<wire::ScrubState> scrub_progress() const override { return fail(ENOENT); }
    Task<std::vector<std::string>> store_written() override {
        steps += "store ";
        co_return std::vector<std::string>{"/lost"};
    }
    std::vector<std::string> unstored(std::size_t most) const override {
        return std::vector<std::string>(most, "/a");
    }
    std::vector<std::string> changes(const std::string& list) const override {
        return list.empty() ? std::vector<std::string>() : std::vector<std::string>{list};
    }
};

struct Quiet final : rpc::Client<wire::Control> {
    Task<void> connected(rpc::Caller<wire::Control>&) override { co_return; }
};

// Sends a request as the commands do, in this process.
template <class R>
Result<typename R::Reply> ask(Fake& mount, R request) {
    Loop loop;
    Control control(mount);
    Quiet client;
    rpc::Caller<wire::Control> caller(control, client);
    const auto asked = [](rpc::Caller<wire::Control>& with, R question) -> Task<typename R::Reply> {
        co_await with.start();
        auto answer = co_await result(with.call(std::move(question)));
        co_await with.close();
        co_return co_await std::move(answer);
    };
    return loop.run(asked(caller, std::move(request)));
}

}  // namespace

TEST_CASE("the status that is asked for is that of the mount") {
    Fake mount;
    mount.now.mount_point = "/mnt/a";
    mount.now.phase = Phase::stopping;

    const auto answer = ask(mount, wire::Status{});
    REQUIRE(answer);
    const Json json = Json::parse(answer->json.text());
    CHECK(json["mount_point"] == "/mnt/a");
    CHECK(json["state"] == "stopping");
}

TEST_CASE("a mount is stopped gently, or at once by force") {
    Fake mount;

    REQUIRE(ask(mount, wire::Stop{false}));
    REQUIRE(ask(mount, wire::Stop{true}));

    CHECK(mount.steps == "stop cut off ");
}

TEST_CASE("a restart that a client repeats is not made twice") {
    Fake mount;
    mount.now.restarts = 4;
    mount.restarts_with = "there is no room";

    CHECK(ask(mount, wire::Restart{4})->refused == "there is no room");
    CHECK(ask(mount, wire::Restart{3})->refused == "the last one failed");
    CHECK(mount.steps == "restart ");
}

TEST_CASE("a sync returns the files of which data is lost") {
    Fake mount;

    CHECK(ask(mount, wire::StoreWritten{})->lost == std::vector<std::string>{"/lost"});
    CHECK(mount.steps == "store ");
}

TEST_CASE("the list of files that are not stored is limited") {
    Fake mount;

    CHECK(ask(mount, wire::Unstored{3})->names.size() == 3);
    CHECK(ask(mount, wire::Unstored{1'000'000})->names.size() == 100);
}

TEST_CASE("a remount asks what differs, and changes access times") {
    Fake mount;

    CHECK(ask(mount, wire::Remount{"", "memCapacity=1G"})->fixed ==
          std::vector<std::string>{"memCapacity=1G"});
    CHECK(mount.steps.empty());
    CHECK(ask(mount, wire::Remount{"noatime", ""})->fixed.empty());
    CHECK(mount.steps == "times:noatime ");
    CHECK(code_of(ask(mount, wire::Remount{"wrong", ""})) == EINVAL);
}

}  // namespace flexfs::mount
