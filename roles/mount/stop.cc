// `flexfs mount stop` unmounts and waits until the process has stored everything.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/cli/progress.h"
#include "lib/fuse/mountpoint.h"
#include "lib/process/ask.h"
#include "lib/process/mount_table.h"
#include "lib/process/proc.h"
#include "lib/wire/control.h"
#include "roles/mount/running.h"
#include "roles/mount/status_report.h"

namespace flexfs::mount {
namespace {

using process::ServiceLock;

// The interval of checks whether the mount can be unmounted, or whether its process has ended.
constexpr Duration end_pause = std::chrono::milliseconds(5);
// Time for programs that only look at a mount, as df(1) does with all mounts.
constexpr Duration busy_patience = std::chrono::seconds(1);
// The process may take this long to end before it is asked, or searched in other mount namespaces,
// for the reason.
constexpr Duration end_quiet = std::chrono::seconds(1);
// The time before something is printed, and between later lines.
constexpr Duration wait_quiet = std::chrono::seconds(2);
constexpr Duration line_pause = std::chrono::seconds(10);
// The interval of requests for what is left to store.
constexpr Duration look_pause = std::chrono::milliseconds(300);

// The mount that is being stopped.
struct Stopping {
    std::string folder;
    process::Presence presence;  // of a mount of this FLEXFS_HOME
    std::string lock;            // held until everything is stored
    pid_t pid = 0;
    std::string device;  // as in MountEntry; empty: it is not mounted here
};

// EBUSY if the mount is in use for longer than a moment.
Result<void> take_down(const std::string& folder) {
    if (!process::is_mount_point(folder)) return {};
    auto gone = fuse::unmount(folder, false);
    const Duration until = monotonic_now() + busy_patience;
    while (!gone && gone.error().code == EBUSY && monotonic_now() < until) {
        std::this_thread::sleep_for(end_pause);
        gone = fuse::unmount(folder, false);
    }
    return gone;
}

// A mount that others depend on cannot be cut off alone.
Result<void> check_stands_alone(const std::string& folder) {
    const auto table = process::mount_table();
    const Dependent dependent = find_dependent(table, folder);
    if (dependent.path.empty()) return {};
    constexpr std::string_view reasons[] = {
        "{0} is mounted inside {1}; unmount that first",
        "{1} is also mounted on {0} (mount --bind); unmount that first",
        "the volume that is mounted on {0} is kept inside {1}; stop that mount first"};
    const std::string_view reason = reasons[std::to_underlying(dependent.how)];
    return explain(EBUSY, fmt::format(fmt::runtime(reason), dependent.path, folder));
}

// Asks the process to end at once. A process that does not answer gets SIGTERM, which is patient;
// one that has answered gets no signal, because a second request to stop discards unstored data.
Result<void> cut_off(const Stopping& mount) {
    fmt::print(stderr,
               "flexfs: {} is in use; cutting off the programs that use it. What they wrote is "
               "stored, but changes in shared mappings since the last msync may be lost\n",
               mount.folder);
    const auto told = process::ask(mount.presence, wire::Stop{true}, process::answer_patience);
    if (!process::is_mount_point(mount.folder)) return {};
    const auto holder = ServiceLock::holder(mount.lock);
    if (!told && holder && holder->pid == mount.pid) ::kill(mount.pid, SIGTERM);
    return fuse::unmount(mount.folder, true);
}

// Ends a mount that was unmounted here already, as by umount -l, but is still in use. Programs that
// do not report "leaving" treat the request as SIGTERM, and a second one discards data.
void cut_off_unmounted(const Stopping& mount) {
    auto answer = process::ask(mount.presence, wire::Status{}, process::answer_patience);
    if (answer && Json::parse(answer->json.text(), nullptr, false).contains("leaving"))
        (void)process::ask(mount.presence, wire::Stop{true}, process::answer_patience);
}

// EBUSY with a sentence if the filesystem is still mounted in another mount namespace.
Result<void> check_not_elsewhere(const Stopping& mount) {
    const auto found = process::mounted_elsewhere([&mount](const process::MountEntry& entry) {
        if (!mount.device.empty()) return entry.device == mount.device;
        return entry.type == filesystem_type && entry.path == mount.folder;
    });
    if (found.empty()) return {};
    const auto& [process, path] = found.front();
    return explain(
        EBUSY,
        fmt::format("{0} is unmounted here, but process {1} ({2}) still has it mounted on {3}, in "
                    "another mount namespace; the mount ends with that process, or after "
                    "`nsenter --target {1} --mount umount {3}`, and `flexfs mount stop --force "
                    "{0}` cuts it off",
                    mount.folder, process.pid, process.command, path));
}

std::unexpected<Error> used(const std::string& folder) {
    auto users = process::processes_using(folder);
    std::erase_if(users, [](const auto& user) { return user.pid == ::getpid(); });
    const bool many = users.size() > 1;
    return explain(EBUSY,
                   fmt::format("{} is in use: {} {} files open in it, or {} working folder "
                               "there; --force cuts such programs off",
                               folder, users.empty() ? "a program" : process::list_processes(users),
                               many ? "have" : "has", many ? "their" : "its"));
}

// Shows what is still to be stored: a sentence now and then and, on a terminal, a bar.
class Waiting {
public:
    explicit Waiting(const Stopping& mount) : mount_(mount) {}

    void look(Duration now) {
        if (now < next_look_) return;
        next_look_ = now + look_pause;
        const Json status = ask_status();
        const Json dirty = status.value("dirty", Json::object());
        if (!progress_) {
            first_ = dirty.value("written_back_bytes", std::uint64_t(0));
            const cli::Screen screen = cli::Screen::standard_error();
            progress_.emplace(screen.terminal ? screen : cli::Screen{}, "storing",
                              dirty.value("bytes", std::uint64_t(0)), cli::Unit::bytes, now);
        }
        if (now >= next_line_) print(status);
        if (now >= next_line_) next_line_ = now + line_pause;
        const auto stored = dirty.value("written_back_bytes", std::uint64_t(0));
        progress_->update(stored - std::min(first_, stored), now);
    }

private:
    Json ask_status() const {
        auto answer = process::ask(mount_.presence, wire::Status{}, std::chrono::seconds(1));
        Json status = answer ? Json::parse(answer->json.text(), nullptr, false) : Json();
        return status.is_object() ? status : Json::object();
    }
    void print(const Json& status) {
        const std::string trouble = trouble_sentence(status);
        const std::string left = status.empty() ? "" : unstored_sentence(status) + " left";
        const std::string& why = trouble.empty() ? left : trouble;
        const std::string line = fmt::format(
            "flexfs: waiting until everything on {} is stored{}{} (`kill {}` discards the rest)",
            mount_.folder, why.empty() ? "" : ": ", why, mount_.pid);
        if (cli::Screen::standard_error().terminal) progress_->print(line);
        else fmt::print(stderr, "{}\n", line);
    }

    const Stopping& mount_;
    std::optional<cli::Progress> progress_;
    std::uint64_t first_ = 0;
    Duration next_look_{}, next_line_{};
};

// The process releases the lock when everything is stored.
Result<void> await_end(const Stopping& mount, bool forced) {
    const Duration began = monotonic_now();
    Waiting waiting(mount);
    bool looked = forced;
    while (ServiceLock::holder(mount.lock)) {
        std::this_thread::sleep_for(end_pause);
        const Duration now = monotonic_now();
        if (!looked && now - began > end_quiet) {
            looked = true;
            TRY(check_not_elsewhere(mount));
        }
        if (now - began > wait_quiet) waiting.look(now);
    }
    const std::string complaint = ServiceLock::last_words(mount.lock);
    if (complaint.empty()) return {};
    return explain(EIO, fmt::format("{} is unmounted, but not everything is stored: {}",
                                    mount.folder, complaint));
}

Result<Stopping> find(const std::string& folder) {
    TRY(process::Presence presence, process::presence_of(role_name, folder));
    Stopping mount{folder, presence, presence.lock, 0, {}};
    if (const auto mounted = process::mounted_on(folder)) mount.device = mounted->device;
    if (const auto holder = ServiceLock::holder(presence.lock)) {
        mount.pid = holder->pid;
    } else if (const auto other = of_another_home(folder)) {
        mount.pid = other->pid;
        mount.lock = other->lock;
    } else if (!fuse::is_stale(folder)) {
        return not_ours(folder);
    }
    return mount;
}

}  // namespace

Result<void> stop_mount(const std::string& given, bool force) {
    log::set_level(log::Level::warn);  // without the notice that the connection breaks, as expected
    const std::string folder = process::absolute_path(given);
    TRY(const Stopping mount, find(folder));
    if (mount.pid == 0) return fuse::unmount(folder, true);
    const bool mounted_here = process::is_mount_point(folder);
    if (mounted_here) TRY(check_stands_alone(folder));
    if (!mounted_here && force) cut_off_unmounted(mount);
    auto down = take_down(folder);
    const bool in_use = !down && down.error().code == EBUSY;
    if (in_use && !force) return used(folder);
    if (in_use) down = cut_off(mount);
    TRY(std::move(down));
    if (force && !in_use && !check_not_elsewhere(mount)) cut_off_unmounted(mount);
    return await_end(mount, force);
}

}  // namespace flexfs::mount
