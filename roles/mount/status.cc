// `flexfs mount status` and `flexfs mount stop`: talking to a mount that runs.
#include <signal.h>
#include <unistd.h>

#include <filesystem>

#include "lib/base/home.h"
#include "lib/base/text.h"
#include "lib/cli/json.h"
#include "lib/cli/program.h"
#include "lib/cli/table.h"
#include "lib/fuse/mountpoint.h"
#include "lib/rpc/caller.h"
#include "lib/task/scope.h"
#include "lib/wire/control.h"
#include "roles/mount/presence.h"
#include "roles/mount/start.h"

namespace flexfs::mount {
namespace {

constexpr Duration answer_patience = std::chrono::seconds(5);

struct Silent final : rpc::Client<wire::Control> {
    Task<void> connected(rpc::Caller<wire::Control>&) override { co_return; }
};

Task<void> give_up(Loop& loop, task::StopSource& stop) {
    co_await loop.sleep(answer_patience);
    stop.request();
}

// Asks the mount behind `socket`. ETIMEDOUT where it does not answer in a few seconds.
Result<Buffer> ask(const std::string& socket) {
    Loop loop;
    auto conversation = [](Loop& on, std::string address) -> Task<Buffer> {
        Silent silent;
        rpc::Caller<wire::Control> caller(on, "unix:" + address, silent);
        Scope patience;
        task::StopSource stop;
        Result<Buffer> answer = fail(ETIMEDOUT);
        auto question = [](rpc::Caller<wire::Control>& with, Result<Buffer>& into) -> Task<void> {
            co_await with.start();
            into = (co_await with.call(wire::Status{})).json;
        };
        Scope asking;
        asking.start(question(caller, answer), &stop);
        patience.start(give_up(on, stop));
        auto asked = co_await result(asking.join());
        co_await patience.close();
        co_await caller.close();
        co_await std::move(asked);
        co_return std::move(answer);
    };
    return loop.run(conversation(loop, socket));
}

// The mounts of this user that run, by mount point.
Result<std::vector<std::string>> running_mounts() {
    std::vector<std::string> found;
    std::error_code none;
    for (const auto& entry :
         std::filesystem::directory_iterator(flexfs_home() + "/mount/run", none)) {
        if (entry.path().extension() != ".lock") continue;
        if (auto holder = lock_holder(entry.path())) found.push_back(holder->rest);
    }
    std::ranges::sort(found);
    return found;
}

Result<cli::Json> status_of(const std::string& folder) {
    TRY(const Presence presence, presence_of(folder));
    const auto holder = lock_holder(presence.lock);
    if (!holder)
        return explain(ENOENT, fmt::format("no flexfs mount of this user runs on {}", folder));
    auto answer = ask(presence.socket);
    if (!answer)
        return explain(EIO, fmt::format("the mount on {} (process {}) does not answer: {}", folder,
                                        holder->pid, answer.error().message()));
    return cli::Json::parse(answer->text(), nullptr, false);
}

cli::Table overview(const cli::Json& all) {
    cli::Table table({{"mount point"},
                      {"volume"},
                      {"pid", true},
                      {"dirty", true},
                      {"memory", true},
                      {"open files", true}});
    for (const auto& one : all) {
        const auto bytes = [&one](const char* part, const char* what) {
            return format_size(one[part].value(what, std::uint64_t(0)));
        };
        table.add({one["mount_point"],
                   one["volume"]["address"],
                   one["pid"],
                   {one["dirty"], bytes("dirty", "bytes")},
                   {one["memory"], bytes("memory", "used") + " of " + bytes("memory", "budget")},
                   one["open_handles"]});
    }
    return table;
}

Result<void> show(const std::string& folder, bool json) {
    std::vector<std::string> folders{absolute_path(folder)};
    if (folder.empty()) {
        TRY(folders, running_mounts());
    }
    cli::Json all = cli::Json::array();
    for (const auto& one : folders) {
        auto status = status_of(one);
        if (status) all.push_back(std::move(*status));
        else if (!folder.empty()) return fail(std::move(status.error()));
        else fmt::print(stderr, "flexfs: {}\n", status.error().message());
    }
    if (json) fmt::print("{}", cli::to_text(folder.empty() ? all : all[0]));
    else fmt::print("{}", overview(all).text());
    return {};
}

Result<void> stop(const std::string& given, bool force) {
    const std::string folder = absolute_path(given);
    TRY(const Presence presence, presence_of(folder));
    const auto holder = lock_holder(presence.lock);
    if (!holder && fuse::is_stale(folder)) return fuse::unmount(folder, true);
    if (!holder)
        return explain(ENOENT, fmt::format("no flexfs mount of this user runs on {}", folder));
    if (fuse::is_mounted(folder)) {
        auto gone = fuse::unmount(folder, force);
        if (!gone && gone.error().code == EBUSY)
            return explain(EBUSY,
                           fmt::format("{} is in use: files are open in it, or a program's working "
                                       "folder is; --force unmounts it all the same",
                                       folder));
        TRY(std::move(gone));
    }
    if (force) ::kill(holder->pid, SIGTERM);
    // Its end is the promise that everything is written.
    for (int waited = 0; lock_holder(presence.lock); ++waited) {
        if (waited == 20) fmt::print(stderr, "waiting for {} to write what is left ...\n", folder);
        ::usleep(100'000);
    }
    return {};
}

}  // namespace

int show_status(const std::string& folder, bool json) {
    return cli::report(show(folder, json));
}

int stop_mount(const std::string& folder, bool force) {
    return cli::report(stop(folder, force));
}

}  // namespace flexfs::mount
