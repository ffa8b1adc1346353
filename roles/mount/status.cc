// `flexfs mount status`, `restart` and `stop`: talking to a mount that runs.
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "lib/base/home.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/cli/program.h"
#include "lib/cli/table.h"
#include "lib/fuse/mountpoint.h"
#include "lib/object/address.h"
#include "lib/wire/control.h"
#include "roles/mount/ask.h"
#include "roles/mount/embedded.h"
#include "roles/mount/start.h"

namespace flexfs::mount {
namespace {

// More than all that a restart waits for.
constexpr Duration restart_patience = std::chrono::seconds(120);
// Between looks whether a mount can be taken down, or has ended.
constexpr Duration end_pause = std::chrono::milliseconds(5);
// How long somebody may use it who just looks, as df(1) does at everything that is mounted.
constexpr Duration busy_patience = std::chrono::seconds(1);
// How long the end may take without a word.
constexpr Duration end_quiet = std::chrono::seconds(2);

// A mount of another FLEXFS_HOME keeps its lock and its socket there. Its volume's lock tells who
// it is, and is given up when everything is written, too. Nothing: it is none of ours, or this user
// may not look.
struct Elsewhere {
    std::string lock;
    pid_t pid = 0;
};
std::optional<Elsewhere> mounted_elsewhere(const std::string& folder) {
    const auto mounted = fuse::mounted_on(folder);
    if (!mounted || mounted->type != "fuse.flexfs") return {};
    const auto address = object::parse_address(mounted->source);
    if (!address) return {};
    const std::string lock = embedded_lock(address->folder);
    const auto holder = lock_holder(lock);
    if (!holder || holder->mount_point != folder) return {};
    return Elsewhere{lock, holder->pid};
}

// True where a flexfs is mounted whose process is gone. One that only hangs is not asked.
bool is_dead(const std::string& folder) {
    const auto mounted = fuse::mounted_on(folder);
    return mounted && mounted->type == "fuse.flexfs" && !mounted_elsewhere(folder) &&
           fuse::is_stale(folder);
}

// The mounts of this user, running or dead, by mount point.
std::vector<std::string> own_mounts() {
    std::vector<std::string> found;
    std::error_code none;
    for (const auto& entry :
         std::filesystem::directory_iterator(flexfs_home() + "/mount/run", none)) {
        const std::string lock = entry.path();
        if (entry.path().extension() != ".lock") continue;
        const std::string folder = last_mount_point(lock);
        if (lock_holder(lock) || is_dead(folder)) found.push_back(folder);
    }
    std::ranges::sort(found);
    return found;
}

// Why a mount that is not among this user's cannot be asked.
std::unexpected<Error> not_ours(const std::string& folder) {
    const auto mounted = fuse::mounted_on(folder);
    if (!mounted) return explain(ENOENT, fmt::format("nothing is mounted on {}", folder));
    if (mounted->type != "fuse.flexfs")
        return explain(
            EINVAL, fmt::format("what is mounted on {} is no flexfs ({})", folder, mounted->type));
    if (const auto other = mounted_elsewhere(folder))
        return explain(ENOENT, fmt::format("{} is mounted by process {}, which runs with another "
                                           "FLEXFS_HOME: set that to ask it; `flexfs mount stop` "
                                           "works without",
                                           folder, other->pid));
    if (fuse::is_stale(folder))
        return explain(ENOTCONN, fmt::format("the process of the mount on {} has ended; mount it "
                                             "again, or `flexfs mount stop {}` clears what is left",
                                             folder, folder));
    return explain(EACCES,
                   fmt::format("{} is a flexfs mount of another user; only that user, or root, can "
                               "ask and stop it",
                               folder));
}

Result<Json> status_of(const std::string& folder) {
    TRY(const Presence presence, presence_of(folder));
    const auto holder = lock_holder(presence.lock);
    if (!holder) return not_ours(folder);
    auto answer = ask(presence, wire::Status{}, answer_patience);
    if (!answer)
        return explain(EIO, fmt::format("the mount on {} (process {}) cannot be asked: {}", folder,
                                        holder->pid, answer.error().message()));
    return Json::parse(answer->json.text(), nullptr, false);
}

cli::Table overview(const Json& all) {
    cli::Table table({{"mount point"},
                      {"volume"},
                      {"pid", true},
                      {"dirty", true},
                      {"memory", true},
                      {"open files", true}});
    for (const auto& one : all) {
        if (one.contains("dead")) {
            table.add({one["mount_point"], one["volume"]["address"], Json("dead"), Json(), Json(),
                       Json()});
            continue;
        }
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
    const auto folders = folder.empty() ? own_mounts() : std::vector{absolute_path(folder)};
    Json all = Json::array();
    for (const auto& one : folders) {
        auto status = status_of(one);
        if (!status && !folder.empty()) return fail(std::move(status.error()));
        if (!status) fmt::print(stderr, "flexfs: {}\n", status.error().message());
        if (status) all.push_back(std::move(*status));
        else if (const auto left = fuse::mounted_on(one); left && status.error().code == ENOTCONN)
            all.push_back(
                {{"mount_point", one}, {"volume", {{"address", left->source}}}, {"dead", true}});
    }
    if (json) fmt::print("{}", to_text(folder.empty() ? all : all[0]));
    else fmt::print("{}", overview(all).text());
    return {};
}

Result<void> restart(const std::string& given) {
    const std::string folder = absolute_path(given);
    TRY(const Json status, status_of(folder));
    TRY(const Presence presence, presence_of(folder));
    log::set_level(log::Level::warn);  // the connection breaks, as it must
    const wire::Restart request{status.value("restarts", std::uint64_t(0))};
    auto answer = ask(presence, request, restart_patience);
    if (!answer && !lock_holder(presence.lock))
        return explain(EIO, fmt::format("the mount on {} ended; its log tells why", folder));
    if (!answer)
        return explain(answer.error().code, fmt::format("the mount on {} was not restarted: {}",
                                                        folder, answer.error().message()));
    if (answer->refused.empty()) return {};
    return explain(EBUSY,
                   fmt::format("the mount on {} goes on as it was: {}", folder, answer->refused));
}

// EBUSY where it is in use for longer than a moment.
Result<void> take_down(const std::string& folder) {
    if (!fuse::is_mounted(folder)) return {};
    auto gone = fuse::unmount(folder, false);
    const Duration until = monotonic_now() + busy_patience;
    while (!gone && gone.error().code == EBUSY && monotonic_now() < until) {
        std::this_thread::sleep_for(end_pause);
        gone = fuse::unmount(folder, false);
    }
    return gone;
}

// By its process, which waits for nobody then; one that does not listen has the patience of
// SIGTERM. Whoever is told to stop twice gives up what is not stored: one that has answered gets no
// signal, wherever it is still mounted.
Result<void> cut_off(const std::string& folder, const Presence& presence, const Elsewhere& mount) {
    fmt::print(stderr,
               "flexfs: {} is in use, and cut off: what programs have open in it fails from now "
               "on. What they wrote is stored; what they changed in shared mappings since the last "
               "msync may be lost\n",
               folder);
    const auto told = ask(presence, wire::Stop{true}, answer_patience);
    if (!fuse::is_mounted(folder)) return {};
    if (const auto holder = lock_holder(mount.lock); !told && holder && holder->pid == mount.pid)
        ::kill(mount.pid, SIGTERM);
    return fuse::unmount(folder, true);
}

// Programs before `leaving` was told of took Stop for SIGTERM, force or not: where they are leaving
// already, for the second one.
bool knows_force(const Presence& presence) {
    auto answer = ask(presence, wire::Status{}, answer_patience);
    return answer && Json::parse(answer->json.text(), nullptr, false).contains("leaving");
}

// The end of who holds the lock is the promise that everything is written.
Result<void> await_end(const std::string& folder, const std::string& lock) {
    const Duration began = monotonic_now();
    bool told = false;
    while (const auto holder = lock_holder(lock)) {
        std::this_thread::sleep_for(end_pause);
        if (told || monotonic_now() - began < end_quiet) continue;
        told = true;
        fmt::print(
            stderr,
            "waiting for {} to write what is left (its log tells what hinders it, and "
            "`kill {}` gives that up), unless it is still mounted in another mount namespace "
            "(a container) ...\n",
            folder, holder->pid);
    }
    const std::string complaint = last_words(lock);
    if (complaint.empty()) return {};
    return explain(
        EIO, fmt::format("{} is unmounted, but not everything is stored: {}", folder, complaint));
}

Result<void> stop(const std::string& given, bool force) {
    const std::string folder = absolute_path(given);
    TRY(const Presence presence, presence_of(folder));
    Elsewhere mount{presence.lock, 0};
    if (const auto holder = lock_holder(presence.lock)) {
        mount.pid = holder->pid;
    } else if (const auto other = mounted_elsewhere(folder)) {
        mount = *other;
    } else if (fuse::is_stale(folder)) {
        return fuse::unmount(folder, true);
    } else {
        return not_ours(folder);
    }
    // By umount -l: files may be open in it still.
    if (force && !fuse::is_mounted(folder) && knows_force(presence))
        (void)ask(presence, wire::Stop{true}, answer_patience);
    auto down = take_down(folder);
    const bool in_use = !down && down.error().code == EBUSY;
    if (in_use && !force)
        return explain(EBUSY,
                       fmt::format("{} is in use: files are open in it, or a program's working "
                                   "folder is; --force cuts them off",
                                   folder));
    if (in_use) down = cut_off(folder, presence, mount);
    TRY(std::move(down));
    return await_end(folder, mount.lock);
}

}  // namespace

int show_status(const std::string& folder, bool json) {
    return cli::report(show(folder, json));
}

int restart_mount(const std::string& folder) {
    return cli::report(restart(folder));
}

int stop_mount(const std::string& folder, bool force) {
    return cli::report(stop(folder, force));
}

}  // namespace flexfs::mount
