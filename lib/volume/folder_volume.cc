#include "lib/volume/folder_volume.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "lib/base/format.h"
#include "lib/base/uuid.h"
#include "lib/loop/pool.h"
#include "lib/volume/database.h"
#include "lib/volume/embedded_volume.h"
#include "lib/volume/place.h"

namespace flexfs::volume {
namespace {

std::string description_path(const std::string& folder) {
    return folder + "/volume.yaml";
}

std::string database_folder(const std::string& folder, const OpenOptions& options) {
    return options.db_folder.empty() ? folder + "/meta" : options.db_folder;
}

// Reads the description of the volume in `folder`, or determines that of a new one.
Result<Described> describe(const std::string& folder, const OpenOptions& options) {
    auto known = conf::load_volume(description_path(folder));
    if (known) {
        const wire::VolumeInfo info = info_of(*known);
        TRY(options.fresh.check_same(info, folder));
        return Described{info, false};
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
    return Described{info, true};
}

std::string database_of(const std::string& folder, const OpenOptions& options) {
    return database_path(database_folder(folder, options));
}

std::unexpected<Error> no_database(const std::string& folder, const OpenOptions& options) {
    const std::string& given = options.db_folder;
    if (given.empty())
        return explain(
            ENOENT, fmt::format("the database of the volume in {} is missing ({}); if the volume "
                                "was created with --dbFolder, give the same folder, else "
                                "restore the database from a backup",
                                folder, database_of(folder, options)));
    const bool is_inside = ::access(database_of(folder, {}).c_str(), F_OK) == 0;
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

Result<std::unique_ptr<meta::Volume>> open_or_create(const std::string& folder,
                                                     const Described& described,
                                                     const OpenOptions& options) {
    auto opened = open_database(database_folder(folder, options), folder, described, options);
    if (code_of(opened) == ENOENT) return no_database(folder, options);
    if (!opened || !described.fresh) return opened;
    // The description is written last, so that a start that is interrupted, even by a power cut,
    // leaves no volume without its database.
    TRY(settle_folder(folder));
    TRY(conf::save_volume(description_path(folder), file_of((*opened)->info())));
    return opened;
}

// Waits for the disk and for a process that is about to release the volume, so it runs in the pool.
Result<EmbeddedVolume::Parts> open_parts(Loop& loop, const object::Address& address,
                                         const OpenOptions& options) {
    const std::string& folder = address.folder;
    TRY(make_folder(folder));
    TRY(auto lock, lock_folder(folder, options));
    EmbeddedVolume::Parts parts{.lock = std::move(lock),
                                .db_folder = database_folder(folder, options)};
    TRY(parts.store, object::open_store(loop, address, {.metrics = options.metrics}));
    TRY(const Described described, describe(folder, options));
    TRY(parts.volume, open_or_create(folder, described, options));
    parts.described = described.fresh ? parts.volume->info() : described.info;
    return parts;
}

}  // namespace

Result<void> check_folder_takeover(const object::Address& address, const OpenOptions& options,
                                   const wire::VolumeInfo& served) {
    const std::string& folder = address.folder;
    TRY(const conf::Volume file, conf::load_volume(description_path(folder)));
    if (file.id != served.id || file.block_bytes != served.block_bytes)
        return explain(EINVAL, fmt::format("{} describes another volume than the mounted one",
                                           description_path(folder)));
    const std::string path = database_of(folder, options);
    if (::access(path.c_str(), R_OK | W_OK) == 0) return {};
    if (errno == ENOENT) return no_database(folder, options);
    return fail_errno("cannot use the database " + path);
}

Result<void> check_folder(const object::Address& address, const OpenOptions& options, When when) {
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
    TRY(const Described found, describe(address.folder, options));
    if (found.fresh && !options.db_folder.empty()) TRY(find(options.db_folder));
    return {};
}

Task<std::unique_ptr<OpenVolume>> open_in_folder(Loop& loop, object::Address address,
                                                 OpenOptions options) {
    auto parts = co_await offload(loop, [&] { return open_parts(loop, address, options); });
    co_return co_await EmbeddedVolume::serve(loop, std::move(parts), std::move(options));
}

}  // namespace flexfs::volume
