#include "roles/mount/start.h"

#include <unistd.h>

#include "lib/base/home.h"
#include "lib/base/log.h"
#include "lib/process/image.h"
#include "roles/mount/mount_process.h"
#include "roles/mount/running.h"

namespace flexfs::mount {
namespace {

// Allows one mount at a time on a mount point.
Result<process::ServiceLock> lock_mount_point(const process::Presence& presence,
                                              const std::string& dir) {
    auto lock = process::ServiceLock::take_for_mount(presence.lock, dir);
    if (lock || lock.error().code != EBUSY) return lock;
    const auto holder = process::ServiceLock::holder(presence.lock);
    return explain(EBUSY, fmt::format("{} is already a flexfs mount (process {}); end it with "
                                      "`flexfs mount stop {}`",
                                      dir, holder ? holder->pid : 0, dir));
}

Result<void> serve_mount(const MountOptions& options, const process::Presence& presence,
                         process::Readiness readiness, MountProcess::Origin origin) {
    auto lock = origin.from ? process::ServiceLock::adopt(origin.from->mount_lock, options.dir)
                            : lock_mount_point(presence, options.dir);
    if (!lock) {
        readiness.failed(lock.error());
        return fail(std::move(lock.error()));
    }
    Loop loop;
    MountProcess mount(loop, options, presence, std::move(*lock), std::move(readiness),
                       std::move(origin));
    return loop.run(mount.run());
}

// Continues as the next process image.
Result<void> take_over(const MountOptions& options) {
    const int memory = int(*options.takeover);
    TRY(Takeover from, load_takeover(memory));
    process::keep_open(memory, false);
    for (const int descriptor : from.descriptors()) process::keep_open(descriptor, false);
    const auto presence = process::presence_of(role_name, options.dir);
    if (!presence) {
        if (options.takeover_failed.empty()) give_back(from, memory, presence.error().message());
        return fail(presence.error());
    }
    const std::string log_file =
        from.background && options.log_file.empty() ? presence->log : options.log_file;
    // If the file cannot be opened, the log stays on standard error.
    if (!log_file.empty())
        if (auto opened = log::to_file(log_file); !opened)
            log::warn("{}", opened.error().message());
    const bool background = from.background;
    return serve_mount(options, *presence, process::Readiness(),
                       {.background = background, .from = std::move(from)});
}

// Says which earlier process the daemon waits for; empty: none.
std::string awaited(const MountOptions& options, const process::Presence& presence, pid_t daemon) {
    for (const std::string& lock : {presence.lock, volume::lock_path(options.volume)}) {
        const auto holder = process::ServiceLock::holder(lock);
        if (holder && holder->pid != 0 && holder->pid != daemon)
            return fmt::format(
                "waiting until process {} has stored the data of {}, which was "
                "unmounted before",
                holder->pid, holder->place);
    }
    return {};
}

[[noreturn]] void run_daemon(const MountOptions& options, const process::Presence& presence,
                             process::Readiness readiness, const std::string& log_file,
                             MountProcess::Origin origin) {
    if (auto opened = log::to_file(log_file); !opened) {
        readiness.failed(opened.error());
        ::_exit(1);
    }
    const auto served = serve_mount(options, presence, std::move(readiness), std::move(origin));
    ::_exit(served ? 0 : 1);
}

}  // namespace

Result<void> run_mount(MountOptions options) {
    if (options.verbose) log::set_level(log::Level::debug);
    if (options.check_takeover) return check_takeover(options);
    if (options.takeover) return take_over(options);
    options.dir = process::absolute_path(options.dir);
    TRY(const process::Presence presence, process::presence_of(role_name, options.dir));
    const bool background = !options.foreground && !process::has_service_manager();
    MountProcess::Origin origin{.program = process::program_path(), .background = background};
    if (!background) {
        if (!options.log_file.empty()) TRY(log::to_file(options.log_file));
        return serve_mount(options, presence, process::Readiness(), std::move(origin));
    }
    const std::string log_file = options.log_file.empty() ? presence.log : options.log_file;
    TRY(make_private_folder(process::log_folder(role_name)));
    TRY(process::Forked forked, process::go_to_background(log_file, [&](pid_t daemon) {
            return awaited(options, presence, daemon);
        }));
    if (forked.daemon)
        run_daemon(options, presence, std::move(forked.readiness), log_file, std::move(origin));
    return forked.outcome;
}

Result<void> check_mount(const MountOptions& options) {
    volume::OpenOptions wanted = open_options(options);
    wanted.read_only = false;  // the volume may exist by then
    wanted.mount_point = process::absolute_path(options.dir);
    return volume::check(wanted, volume::When::later);
}

}  // namespace flexfs::mount
