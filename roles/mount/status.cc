// `flexfs mount status` and `restart`: requests to a running mount.
#include <cerrno>

#include "lib/base/format.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/cli/program.h"
#include "lib/process/ask.h"
#include "lib/wire/control.h"
#include "roles/mount/running.h"
#include "roles/mount/status_report.h"

namespace flexfs::mount {
namespace {

// Longer than all waits of a restart together.
constexpr Duration restart_patience = std::chrono::seconds(120);

}  // namespace

Result<Json> status_of(const std::string& folder) {
    TRY(const process::Presence presence, process::presence_of(role_name, folder));
    const auto holder = process::ServiceLock::holder(presence.lock);
    if (!holder) return not_ours(folder);
    auto answer = process::ask(presence, wire::Status{}, process::answer_patience);
    if (answer) return Json::parse(answer->json.text(), nullptr, false);
    if (is_dead(folder) || !process::ServiceLock::holder(presence.lock)) return not_ours(folder);
    if (const auto mounted = process::mounted_on(folder);
        !mounted || mounted->type != filesystem_type)
        return explain(EIO,
                       fmt::format("nothing is mounted on {} now; process {} is just starting or "
                                   "ending a mount there",
                                   folder, holder->pid));
    return explain(EIO, fmt::format("cannot ask the mount on {} (process {}): {}", folder,
                                    holder->pid, answer.error().message()));
}

namespace {

std::string address_of(const std::string& folder) {
    const auto mounted = process::mounted_on(folder);
    return mounted ? mounted->source : std::string();
}

int show_one(const std::string& folder, bool json) {
    auto status = status_of(folder);
    if (status) {
        fmt::print("{}", json ? to_text(*status) : description(*status));
        return cli::exit_success;
    }
    if (!json || status.error().code != ENOTCONN)
        return cli::report(fail(std::move(status.error())));
    fmt::print("{}", to_text(dead_mount(folder, address_of(folder))));
    return cli::exit_failure;
}

int show_all(bool json) {
    Json all = Json::array();
    for (const std::string& folder : own_mounts()) {
        auto status = status_of(folder);
        if (status) {
            all.push_back(std::move(*status));
            continue;
        }
        if (status.error().code == ENOENT) continue;  // it has just ended
        const bool dead = status.error().code == ENOTCONN;
        if (dead) all.push_back(dead_mount(folder, address_of(folder)));
        if (!dead || !json) fmt::print(stderr, "flexfs: {}\n", status.error().message());
    }
    if (json) fmt::print("{}", to_text(all));
    else if (all.empty()) fmt::print("This user has no flexfs mounts.\n");
    else fmt::print("{}", overview(all));
    return cli::exit_success;
}

}  // namespace

int show_status(const std::string& folder, bool json) {
    log::set_level(log::Level::warn);  // without notices about a lost connection
    return folder.empty() ? show_all(json) : show_one(process::absolute_path(folder), json);
}

Result<void> restart_mount(const std::string& given) {
    log::set_level(log::Level::warn);  // without the notice that the connection breaks, as expected
    const std::string folder = process::absolute_path(given);
    TRY(const Json status, status_of(folder));
    TRY(const process::Presence presence, process::presence_of(role_name, folder));
    const wire::Restart request{status.value("restarts", std::uint64_t(0))};
    auto answer = process::ask(presence, request, restart_patience);
    if (!answer && !process::ServiceLock::holder(presence.lock))
        return explain(EIO, fmt::format("the mount on {} ended; its log says why", folder));
    if (!answer)
        return explain(answer.error().code, fmt::format("the mount on {} was not restarted: {}",
                                                        folder, answer.error().message()));
    if (answer->refused.empty()) return {};
    return explain(EBUSY,
                   fmt::format("the mount on {} continues as it was: {}", folder, answer->refused));
}

}  // namespace flexfs::mount
