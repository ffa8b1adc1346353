#include "lib/volume/place.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/durable.h"
#include "lib/base/format.h"
#include "lib/conf/volume.h"

namespace flexfs::volume {
namespace {

namespace fs = std::filesystem;

// Files of a start that was interrupted before volume.yaml was written.
constexpr std::string_view own_names[] = {"lock", "meta", ".put", "lost+found"};

}  // namespace

Result<std::string> foreign_file(const std::string& folder) {
    std::error_code problem;
    for (const auto& entry : fs::directory_iterator(folder, problem)) {
        const std::string name = entry.path().filename();
        const bool leftover = name.starts_with("volume.yaml.new-");
        if (!leftover && std::ranges::find(own_names, name) == std::end(own_names)) return name;
    }
    if (problem && problem.value() != ENOENT)
        return fail(problem.value(), "cannot read the folder " + folder);
    return std::string();
}

Result<bool> find_folder(const fs::path& folder) {
    struct stat attr;
    if (::stat(folder.c_str(), &attr) == 0) {
        if (S_ISDIR(attr.st_mode)) return true;
        return explain(ENOTDIR,
                       fmt::format("{} is not a folder; a volume is kept in one", folder.string()));
    }
    if (errno == ENOTDIR)
        return explain(
            ENOTDIR,
            fmt::format("the path {} is not valid: a part of it is not a folder", folder.string()));
    if (errno != ENOENT) return fail_errno("cannot use the folder " + folder.string());
    if (::access(folder.parent_path().c_str(), F_OK) == 0) return false;
    return explain(ENOENT, fmt::format("cannot create {}: {} does not exist", folder.string(),
                                       folder.parent_path().string()));
}

Result<void> make_folder(const std::string& folder) {
    TRY(const bool exists, find_folder(folder));
    return exists ? Result<void>() : make_durable_folder(folder);
}

Result<void> settle_folder(const std::string& folder) {
    TRY(sync_folder(folder));
    const std::string above = fs::path(folder).parent_path();
    // A folder above that this user may not read cannot be synced; then another user created this
    // folder.
    if (::access(above.c_str(), R_OK) != 0) return {};
    return sync_folder(above);
}

fs::path resolved(const std::string& path) {
    std::error_code problem;
    fs::path found = fs::weakly_canonical(path, problem);
    return problem ? fs::path(path) : found;
}

bool is_within(const fs::path& inner, const fs::path& outer) {
    return std::ranges::mismatch(outer, inner).in1 == outer.end();
}

Result<void> check_outside(const std::string& folder, const std::string& mount_point) {
    if (mount_point.empty() || !is_within(mount_point, resolved(folder))) return {};
    return explain(EINVAL, fmt::format("the mount point {} is inside {}, where the volume is kept; "
                                       "give a folder outside",
                                       mount_point, folder));
}

Result<void> check_not_hidden(const std::string& folder, const std::string& mount_point) {
    if (mount_point.empty() || !is_within(resolved(folder), mount_point)) return {};
    return explain(EINVAL, fmt::format("a mount on {} would hide {}, where the volume is kept; "
                                       "give another folder",
                                       mount_point, folder));
}

Result<void> check_no_volume_above(const std::string& folder) {
    for (fs::path inner = resolved(folder); inner.has_relative_path();) {
        inner = inner.parent_path();
        if (conf::load_volume(inner / "volume.yaml"))
            return explain(EINVAL, fmt::format("{} is inside the volume in {}; give a folder "
                                               "outside",
                                               folder, inner.string()));
    }
    return {};
}

}  // namespace flexfs::volume
