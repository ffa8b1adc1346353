#include "roles/mount/running.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <ranges>

#include "lib/base/format.h"
#include "lib/fuse/mountpoint.h"
#include "lib/process/presence.h"
#include "lib/process/service_lock.h"
#include "lib/volume/volume.h"

namespace flexfs::mount {

using process::ServiceLock;

std::optional<OtherHome> of_another_home(const std::string& folder) {
    const auto mounted = process::mounted_on(folder);
    if (!mounted || mounted->type != filesystem_type) return {};
    const std::string lock = volume::lock_path(mounted->source);
    const auto holder = ServiceLock::holder(lock);
    if (!holder || holder->place != folder) return {};
    return OtherHome{lock, holder->pid};
}

bool is_dead(const std::string& folder) {
    const auto mounted = process::mounted_on(folder);
    return mounted && mounted->type == filesystem_type && !of_another_home(folder) &&
           fuse::is_stale(folder);
}

std::vector<std::string> own_mounts() {
    std::vector<std::string> found;
    std::error_code none;
    for (const auto& entry :
         std::filesystem::directory_iterator(process::run_folder(role_name), none)) {
        if (entry.path().extension() != ".lock") continue;
        const std::string lock = entry.path();
        const std::string folder = ServiceLock::last_place(lock);
        if (ServiceLock::holder(lock) || is_dead(folder)) found.push_back(folder);
    }
    std::ranges::sort(found);
    return found;
}

std::unexpected<Error> not_ours(const std::string& folder) {
    const auto mounted = process::mounted_on(folder);
    if (!mounted) return explain(ENOENT, fmt::format("nothing is mounted on {}", folder));
    if (mounted->type != filesystem_type)
        return explain(EINVAL, fmt::format("{} is not a flexfs mount but one of type {}", folder,
                                           mounted->type));
    if (const auto other = of_another_home(folder))
        return explain(ENOENT, fmt::format("{} is mounted by process {}, which has another "
                                           "FLEXFS_HOME; set the same to query it (`flexfs mount "
                                           "stop` works without it)",
                                           folder, other->pid));
    if (fuse::is_stale(folder))
        return explain(ENOTCONN, fmt::format("the process of the mount on {0} is gone; mount it "
                                             "again, or remove it with `flexfs mount stop {0}`",
                                             folder));
    return explain(EACCES, fmt::format("{} is a flexfs mount of another user; only that user and "
                                       "root can query or stop it",
                                       folder));
}

Dependent find_dependent(std::span<const process::MountEntry> table, const std::string& folder) {
    const auto below = process::mounts_below(table, folder);
    if (!below.empty()) return {below.back().path, Dependent::How::below};
    const auto newest_first = std::views::reverse(table);
    const auto mounted = std::ranges::find(newest_first, folder, &process::MountEntry::path);
    if (mounted != newest_first.end())
        for (const process::MountEntry& entry : table)
            if (entry.device == mounted->device && entry.path != folder)
                return {entry.path, Dependent::How::bound};
    const std::string inside = folder.ends_with('/') ? folder : folder + "/";
    for (const process::MountEntry& entry : table) {
        if (entry.type != filesystem_type || entry.path == folder) continue;
        const std::string kept = volume::data_folder(entry.source);
        if (kept == folder || kept.starts_with(inside)) return {entry.path, Dependent::How::kept};
    }
    return {};
}

}  // namespace flexfs::mount
