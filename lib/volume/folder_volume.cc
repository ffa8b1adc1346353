#include "lib/volume/folder_volume.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "lib/base/format.h"
#include "lib/base/uuid.h"
#include "lib/loop/pool.h"
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

std::string description_path(const std::string& folder) {
    return folder + "/volume.yaml";
}

std::string database_folder(const std::string& folder, const OpenOptions& options) {
    return options.db_folder.empty() ? folder + "/meta" : options.db_folder;
}

struct Description {
    wire::VolumeInfo info;
    bool fresh = false;  // the folder holds no volume yet
};

// Reads the description of the volume in `folder`, or determines that of a new one.
Result<Description> describe(const std::string& folder, const OpenOptions& options) {
    auto known = conf::load_volume(description_path(folder));
    if (known) {
        const wire::VolumeInfo info = info_of(*known);
        TRY(options.fresh.check_same(info, folder));
        return Description{info, false};
    }
    if (known.error().code != ENOENT) return fail(std::move(known.error()));

    TRY(std::string foreign, foreign_file(folder));
    if (!foreign.empty())
        return explain(ENOTEMPTY,
                       fmt::format("{} holds other files ({}) and no volume; give an empty "
                                   "folder, or one that does not exist yet",
                                   folder, foreign));
    TRY(check_no_volume_above(folder));
    if (options.read_only)
        return explain(
            ENOENT,
            fmt::format("{} holds no volume; mount it once without --ro to create one", folder));
    wire::VolumeInfo info = options.fresh.info();
    info.id = make_uuid();
    info.name = std::filesystem::path(folder).filename();
    return Description{info, true};
}

// Returns 1/`share` of the size of the disk that holds the folder, in bytes, from 1 MiB to `most`.
std::uint64_t share_of_disk(const std::string& folder, std::uint64_t share, std::uint64_t most) {
    struct statvfs disk;
    if (::statvfs(folder.c_str(), &disk) != 0) return most;
    const std::uint64_t bytes = std::uint64_t(disk.f_blocks) * disk.f_frsize;
    return std::clamp<std::uint64_t>(bytes / share, 1 << 20, most);
}

std::string database_path(const std::string& folder, const OpenOptions& options) {
    return database_folder(folder, options) + "/volume.db";
}

std::unexpected<Error> no_database(const std::string& folder, const OpenOptions& options) {
    const std::string& given = options.db_folder;
    if (given.empty())
        return explain(
            ENOENT, fmt::format("the database of the volume in {} is missing ({}); if the volume "
                                "was created with --dbFolder, give the same folder, else "
                                "restore the database from a backup",
                                folder, database_path(folder, options)));
    const bool is_inside = ::access(database_path(folder, {}).c_str(), F_OK) == 0;
    return explain(
        ENOENT,
        fmt::format("--dbFolder {0} holds no database, but {1} holds a volume; {2}", given, folder,
                    is_inside ? fmt::format("its database is in {}/meta, so leave out "
                                            "--dbFolder",
                                            folder)
                              : "give the folder with which it was created"));
}

// A mount that only reads also takes the lock, and its database replays its log.
Result<void> check_writable(const std::string& folder) {
    if (::access(folder.c_str(), R_OK | W_OK | X_OK) == 0 || errno == ENOENT) return {};
    if (errno == EROFS)
        return explain(EROFS, fmt::format("{} is on a read-only disk; flexfs writes its lock and "
                                          "its database there, even with --ro",
                                          folder));
    if (errno == EACCES)
        return explain(EACCES, fmt::format("this user has no permission to write in {}, where the "
                                           "volume is kept; a mount requires it, even with --ro",
                                           folder));
    return fail_errno("cannot use the folder " + folder);
}

Result<process::ServiceLock> lock_folder(const std::string& folder, const OpenOptions& options) {
    if (options.taken_over)
        return process::ServiceLock::adopt(*options.taken_over, options.mount_point);
    const std::string path = folder + "/lock";
    auto lock = process::ServiceLock::take_for_mount(path, options.mount_point);
    if (lock || lock.error().code != EBUSY) return lock;
    const auto holder = process::ServiceLock::holder(path);
    return explain(EBUSY, fmt::format("{} is in use by the mount on {} (process {})", folder,
                                      holder ? holder->place : "?", holder ? holder->pid : 0));
}

Result<std::unique_ptr<meta::Volume>> open_database(const std::string& folder,
                                                    const Description& description,
                                                    const OpenOptions& options) {
    const std::string db_folder = database_folder(folder, options);
    if (description.fresh) TRY(make_folder(db_folder));
    auto opened =
        meta::Volume::open({.path = database_path(folder, options),
                            .cache_bytes = options.db_cache_bytes,
                            .create = description.fresh,
                            .info = description.info,
                            .root_uid = ::geteuid(),
                            .root_gid = ::getegid(),
                            .now = wall_now(),
                            .reserve_bytes = share_of_disk(db_folder, reserve_share, 8 << 20)});
    if (!opened && opened.error().code == ENOENT) return no_database(folder, options);
    if (!opened || !description.fresh) return opened;
    // An empty one was left by a start that was interrupted.
    const bool is_new = (*opened)->info().id == description.info.id;
    if (const auto found = (*opened)->read(wire::StatFs{});
        !is_new && (!found || found->inodes > 1))
        return explain(EEXIST, fmt::format("{} holds the database of another volume than {}; give "
                                           "a folder of its own as --dbFolder",
                                           db_folder, folder));
    // The description is written last, so that a start that is interrupted, even by a power cut,
    // leaves no volume without its database.
    TRY(settle_folder(db_folder));
    TRY(settle_folder(folder));
    TRY(conf::save_volume(description_path(folder), file_of((*opened)->info())));
    return opened;
}

service::Options service_options(const std::string& folder, const OpenOptions& options) {
    const std::uint64_t log_bytes =
        share_of_disk(database_folder(folder, options), log_share, 16 << 20);
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

}  // namespace

// Waits for the disk and for a process that is about to release the volume, so it runs in the pool.
Result<FolderVolume::Files> FolderVolume::open_files(Loop& loop, const object::Address& address,
                                                     const OpenOptions& options) {
    const std::string& folder = address.folder;
    TRY(make_folder(folder));
    TRY(auto lock, lock_folder(folder, options));
    Files files{.lock = std::move(lock)};
    TRY(files.store, object::open_store(loop, address));
    TRY(const Description description, describe(folder, options));
    TRY(files.volume, open_database(folder, description, options));
    files.described = description.fresh ? files.volume->info() : description.info;
    return files;
}

Result<void> FolderVolume::check_takeover(const object::Address& address,
                                          const OpenOptions& options,
                                          const wire::VolumeInfo& served) {
    const std::string& folder = address.folder;
    TRY(const conf::Volume file, conf::load_volume(description_path(folder)));
    if (file.id != served.id || file.block_bytes != served.block_bytes)
        return explain(EINVAL, fmt::format("{} describes another volume than the mounted one",
                                           description_path(folder)));
    const std::string path = database_path(folder, options);
    if (::access(path.c_str(), R_OK | W_OK) == 0) return {};
    if (errno == ENOENT) return no_database(folder, options);
    return fail_errno("cannot use the database " + path);
}

Result<void> FolderVolume::check(const object::Address& address, const OpenOptions& options,
                                 When when) {
    // A mount point beside the database, in a database folder of its own, does no harm.
    TRY(check_outside(address.folder, options.mount_point));
    for (const std::string& folder : {address.folder, database_folder(address.folder, options)})
        TRY(check_not_hidden(folder, options.mount_point));
    const auto find = [when](const std::string& folder) -> Result<void> {
        auto found = find_folder(folder);
        if (found || (when == When::later && found.error().code == ENOENT)) return {};
        return fail(std::move(found.error()));
    };
    TRY(find(address.folder));
    if (when == When::now)
        for (const std::string& folder : {address.folder, database_folder(address.folder, options)})
            TRY(check_writable(folder));
    TRY(const Description found, describe(address.folder, options));
    if (found.fresh && !options.db_folder.empty()) TRY(find(options.db_folder));
    return {};
}

FolderVolume::FolderVolume(Loop& loop, Files files)
    : loop_(loop),
      lock_(std::move(files.lock)),
      store_(std::move(files.store)),
      volume_(std::move(files.volume)) {}

Task<std::unique_ptr<OpenVolume>> FolderVolume::open(Loop& loop, object::Address address,
                                                     OpenOptions options) {
    Files files = co_await offload(loop, [&] { return open_files(loop, address, options); });
    const wire::VolumeInfo described = files.described;
    std::unique_ptr<FolderVolume> made(new FolderVolume(loop, std::move(files)));
    made->serve(service_options(address.folder, options), upkeep_options(options));
    if (auto done = co_await result(made->configure(described)); !done) {
        co_await made->close();
        co_await std::move(done);
    }
    std::unique_ptr<OpenVolume> opened = std::move(made);
    co_return opened;
}

void FolderVolume::serve(service::Options service, upkeep::Options upkeep) {
    service_ = std::make_unique<service::Service>(loop_, *volume_, std::move(service));
    housekeeper_ = std::make_unique<upkeep::Housekeeper>(loop_, *service_, *volume_, *store_,
                                                         std::move(upkeep));
}

// The limits may have been edited in volume.yaml; Configure refuses what cannot change.
Task<void> FolderVolume::configure(wire::VolumeInfo described) {
    if (volume_->info() == described) co_return;
    std::vector<meta::Request> requests{meta::Configure{std::move(described)}};
    const auto replies = co_await service_->apply(0, std::move(requests));
    co_await replies.front();
}

std::unique_ptr<rpc::Caller<wire::Metadata>> FolderVolume::connect(
    rpc::Client<wire::Metadata>& client) {
    return std::make_unique<rpc::Caller<wire::Metadata>>(*service_, client);
}

Task<void> FolderVolume::close() {
    co_await housekeeper_->close();
    co_await service_->close();
    co_await store_->close();
    housekeeper_.reset();
    service_.reset();
    co_await service::close_volume(loop_, std::move(volume_));
}

}  // namespace flexfs::volume
