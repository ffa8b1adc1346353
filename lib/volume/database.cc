#include "lib/volume/database.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/volume/place.h"

namespace flexfs::volume {
namespace {

// Space is freed soon after files are deleted. The only client holds old rows no longer than a read
// takes.
constexpr Duration garbage_delay = std::chrono::seconds(5);
constexpr Duration garbage_pause = std::chrono::seconds(2);

// A client in the next image of the process reconnects as soon as the volume is open.
constexpr Duration takeover_grace = std::chrono::minutes(1);

// The files beside the database take at most these fractions (1/16, 1/8) of a small disk.
constexpr std::uint64_t log_share = 16, reserve_share = 8;

// Returns 1/`share` of the size of the disk that holds the folder, in bytes, from 1 MiB to `most`.
std::uint64_t share_of_disk(const std::string& folder, std::uint64_t share, std::uint64_t most) {
    struct statvfs disk;
    if (::statvfs(folder.c_str(), &disk) != 0) return most;
    const std::uint64_t bytes = std::uint64_t(disk.f_blocks) * disk.f_frsize;
    return std::clamp<std::uint64_t>(bytes / share, 1 << 20, most);
}

}  // namespace

std::string database_path(const std::string& db_folder) {
    return db_folder + "/volume.db";
}

Result<std::unique_ptr<meta::Volume>> open_database(const std::string& db_folder,
                                                    const std::string& place,
                                                    const Described& described,
                                                    const OpenOptions& options) {
    if (described.fresh) TRY(make_folder(db_folder));
    auto opened =
        meta::Volume::open({.path = database_path(db_folder),
                            .cache_bytes = options.db_cache_bytes,
                            .create = described.fresh,
                            .info = described.info,
                            .root_uid = ::geteuid(),
                            .root_gid = ::getegid(),
                            .now = wall_now(),
                            .reserve_bytes = share_of_disk(db_folder, reserve_share, 8 << 20)});
    if (!opened || !described.fresh) return opened;
    // An empty one was left by a start that was interrupted.
    const bool is_new = (*opened)->info().id == described.info.id;
    if (const auto found = (*opened)->read(wire::StatFs{});
        !is_new && (!found || found->inodes > 1))
        return explain(EEXIST, fmt::format("{} holds the database of another volume than {}; give "
                                           "a folder of its own as --dbFolder",
                                           db_folder, place));
    TRY(settle_folder(db_folder));
    return opened;
}

service::Options service_options(const std::string& db_folder, const OpenOptions& options) {
    const std::uint64_t log_bytes = share_of_disk(db_folder, log_share, 16 << 20);
    service::Options made{.sync_always = options.sync,
                          .log_checkpoint_bytes = log_bytes,
                          .log_truncate_bytes = 4 * log_bytes};
    if (options.taken_over) {
        made.grace = takeover_grace;
        made.handed_over = true;
    }
    return made;
}

upkeep::Options upkeep_options(const OpenOptions& options) {
    upkeep::Options made{.garbage_delay = garbage_delay, .garbage_pause = garbage_pause};
    const Duration interval = options.repack_interval;
    if (interval == Duration::zero() || interval == Duration::max()) made.repack_below = 0;
    made.repack_age = made.repack_interval = interval;
    made.repack_pause = std::min(made.repack_pause, interval);
    return made;
}

}  // namespace flexfs::volume
