#include "roles/mount/embedded.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "lib/base/durable.h"
#include "lib/base/format.h"
#include "lib/base/log.h"
#include "lib/base/uuid.h"
#include "lib/conf/volume.h"

namespace flexfs::mount {
namespace {

namespace fs = std::filesystem;

// Space comes back soon after files are deleted. The only client has no old rows for longer than a
// read takes.
constexpr Duration garbage_delay = std::chrono::seconds(5);
constexpr Duration garbage_pause = std::chrono::seconds(2);

// A client in the next image of the process is back as soon as the volume is open.
constexpr Duration takeover_grace = std::chrono::minutes(1);

// What the database keeps beside itself takes no more than these shares of a small disk.
constexpr std::uint64_t log_share = 16, reserve_share = 8;

// What the folder holds beside a volume's own files; nothing: a volume may be made in it.
Result<std::string> foreign_file(const std::string& folder) {
    std::error_code problem;
    for (const auto& entry : fs::directory_iterator(folder, problem)) {
        const std::string name = entry.path().filename();
        // What is left of a start that was cut off before volume.yaml was written.
        if (name != "lock" && name != "meta" && name != ".put" && name != "lost+found") return name;
    }
    if (problem && problem.value() != ENOENT) return fail(problem.value(), "folder " + folder);
    return std::string();
}

// True if the folder is there, false if it can be made in the one above it.
Result<bool> find_folder(const fs::path& folder) {
    struct stat attr;
    if (::stat(folder.c_str(), &attr) == 0) {
        if (S_ISDIR(attr.st_mode)) return true;
        return explain(ENOTDIR,
                       fmt::format("{} is not a folder; a volume is kept in one", folder.string()));
    }
    if (errno != ENOENT) return fail_errno("folder " + folder.string());
    if (::access(folder.parent_path().c_str(), F_OK) == 0) return false;
    return explain(ENOENT, fmt::format("{} cannot be made, for {} does not exist", folder.string(),
                                       folder.parent_path().string()));
}

Result<void> make_folder(const std::string& folder) {
    TRY(const bool is_there, find_folder(folder));
    if (is_there) return {};
    return make_durable_folder(folder);
}

// Without links, as far as it is there.
fs::path resolved(const std::string& folder) {
    std::error_code problem;
    fs::path found = fs::weakly_canonical(folder, problem);
    return problem ? fs::path(folder) : found;
}

bool is_within(const fs::path& inner, const fs::path& outer) {
    return std::ranges::mismatch(outer, inner).in1 == outer.end();
}

Result<void> check_outside(const std::string& folder, const std::string& mount_point) {
    if (!is_within(mount_point, resolved(folder))) return {};
    return explain(EINVAL, fmt::format("the mount point {} is inside {}, where the volume is kept; "
                                       "give a folder outside",
                                       mount_point, folder));
}

// From the mount's own process.
Result<void> check_not_hidden(const std::string& folder, const std::string& mount_point) {
    if (is_within(resolved(folder), mount_point))
        return explain(EINVAL, fmt::format("a mount on {} would hide {}, where the volume is kept; "
                                           "give another folder",
                                           mount_point, folder));
    return {};
}

// What a volume keeps in its folder is its own to delete.
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

wire::VolumeInfo info_of(const conf::Volume& file) {
    wire::VolumeInfo info;
    info.id = file.id;
    info.name = file.name;
    info.block_bytes = std::uint32_t(file.block_bytes);
    info.inline_bytes = std::uint32_t(file.inline_bytes);
    info.max_inodes = file.max_inodes;
    info.max_blocks = file.max_blocks;
    info.compression = compression_from(file.compression).value_or(info.compression);
    return info;
}

conf::Volume file_of(const wire::VolumeInfo& info) {
    return {.id = info.id,
            .name = info.name,
            .block_bytes = info.block_bytes,
            .compression = compression_name(info.compression),
            .inline_bytes = info.inline_bytes,
            .max_inodes = info.max_inodes,
            .max_blocks = info.max_blocks,
            .created = wall_now()};
}

struct Description {
    wire::VolumeInfo info;
    bool fresh = false;  // the folder holds no volume yet
};

// Reads what the volume in `folder` is, or decides what it is going to be.
Result<Description> describe(const std::string& folder, const EmbeddedOptions& options) {
    auto known = conf::load_volume(folder + "/volume.yaml");
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
            fmt::format("{} holds no volume; mount it once without --ro to make one", folder));
    wire::VolumeInfo info = options.fresh.info();
    info.id = make_uuid();
    info.name = fs::path(folder).filename();
    return Description{info, true};
}

std::string database_folder(const std::string& folder, const EmbeddedOptions& options) {
    return options.db_folder.empty() ? folder + "/meta" : options.db_folder;
}

// In bytes: one `share`th of the disk that the folder is on, from 1 MiB to `most`.
std::uint64_t share_of_disk(const std::string& folder, std::uint64_t share, std::uint64_t most) {
    struct statvfs disk;
    if (::statvfs(folder.c_str(), &disk) != 0) return most;
    const std::uint64_t bytes = std::uint64_t(disk.f_blocks) * disk.f_frsize;
    return std::clamp<std::uint64_t>(bytes / share, 1 << 20, most);
}

std::unexpected<Error> no_database(const std::string& folder, const std::string& path) {
    return explain(ENOENT, fmt::format("the database of the volume in {} is not there ({}); give "
                                       "--dbFolder, or restore it from a backup",
                                       folder, path));
}

Result<std::unique_ptr<meta::Volume>> open_database(const std::string& folder,
                                                    const Description& description,
                                                    const EmbeddedOptions& options) {
    const std::string db_folder = database_folder(folder, options);
    if (description.fresh) TRY(make_folder(db_folder));
    auto volume =
        meta::Volume::open({.path = db_folder + "/volume.db",
                            .cache_bytes = options.db_cache_bytes,
                            .create = description.fresh,
                            .info = description.info,
                            .root_uid = ::geteuid(),
                            .root_gid = ::getegid(),
                            .now = wall_now(),
                            .reserve_bytes = share_of_disk(db_folder, reserve_share, 8 << 20)});
    if (!volume && volume.error().code == ENOENT)
        return no_database(folder, db_folder + "/volume.db");
    return volume;
}

Result<object::Address> address_of(const EmbeddedOptions& options) {
    TRY(object::Address address, object::parse_address(options.address));
    if (address.kind == object::Address::Kind::file) {
        // A path with a slash at the end is one part longer.
        while (address.folder.size() > 1 && address.folder.ends_with('/'))
            address.folder.pop_back();
        return address;
    }
    return explain(EINVAL, fmt::format("'{}' does not outlive the mount; an embedded volume is "
                                       "kept in a folder",
                                       options.address));
}

Result<LockFile> lock_folder(const std::string& folder, const EmbeddedOptions& options) {
    if (options.lock_taken_over)
        return LockFile::adopt(*options.lock_taken_over, options.mount_point);
    const std::string path = embedded_lock(folder);
    auto lock = LockFile::take_in_turn(path, options.mount_point);
    if (lock || lock.error().code != EBUSY) return lock;
    const auto holder = lock_holder(path);
    return explain(EBUSY,
                   fmt::format("{} is in use by the mount on {} (process {})", folder,
                               holder ? holder->mount_point : "?", holder ? holder->pid : 0));
}

}  // namespace

std::string embedded_lock(const std::string& folder) {
    return folder + "/lock";
}

Result<void> Embedded::check(const EmbeddedOptions& options, const wire::VolumeInfo& served) {
    TRY(const object::Address address, address_of(options));
    TRY(const conf::Volume file, conf::load_volume(address.folder + "/volume.yaml"));
    if (file.id != served.id || file.block_bytes != served.block_bytes)
        return explain(EINVAL, fmt::format("{}/volume.yaml describes another volume than the one "
                                           "that is mounted",
                                           address.folder));
    const std::string path = database_folder(address.folder, options) + "/volume.db";
    if (::access(path.c_str(), R_OK | W_OK) != 0) return no_database(address.folder, path);
    return {};
}

Result<void> Embedded::check_new(const EmbeddedOptions& options, When when) {
    TRY(const object::Address address, address_of(options));
    // Beside a database of its own the mount point harms nothing.
    TRY(check_outside(address.folder, options.mount_point));
    for (const std::string& folder : {address.folder, database_folder(address.folder, options)})
        TRY(check_not_hidden(folder, options.mount_point));
    const auto find = [when](const std::string& folder) -> Result<void> {
        auto found = find_folder(folder);
        if (found || (when == When::later && found.error().code == ENOENT)) return {};
        return fail(std::move(found.error()));
    };
    TRY(find(address.folder));
    TRY(const Description found, describe(address.folder, options));
    if (found.fresh && !options.db_folder.empty()) TRY(find(options.db_folder));
    return {};
}

Result<std::unique_ptr<Embedded>> Embedded::open(Loop& loop, const EmbeddedOptions& options) {
    TRY(const object::Address address, address_of(options));
    TRY(make_folder(address.folder));
    TRY(LockFile lock, lock_folder(address.folder, options));
    std::unique_ptr<Embedded> made(new Embedded(std::move(lock)));

    TRY(const Description description, describe(address.folder, options));
    TRY(made->store_, object::open_store(loop, address));
    TRY(made->volume_, open_database(address.folder, description, options));
    if (description.fresh) {
        // Last, so that a start that is cut off leaves no volume without its database.
        TRY(conf::save_volume(address.folder + "/volume.yaml", file_of(made->volume_->info())));
    } else if (made->volume_->info() != description.info) {
        // The limits may be edited in volume.yaml; what cannot change is refused here.
        TRY(made->volume_->configure(description.info));
    }
    const std::uint64_t log_bytes =
        share_of_disk(database_folder(address.folder, options), log_share, 16 << 20);
    service::Options service_options{.sync_always = options.sync,
                                     .log_checkpoint_bytes = log_bytes,
                                     .log_truncate_bytes = 4 * log_bytes};
    if (options.lock_taken_over) service_options.grace = takeover_grace;
    made->service_ = std::make_unique<service::Service>(loop, *made->volume_, service_options);
    made->housekeeper_ = std::make_unique<upkeep::Housekeeper>(
        loop, *made->service_, *made->volume_, *made->store_,
        upkeep::Options{.garbage_delay = garbage_delay, .garbage_pause = garbage_pause});
    return made;
}

Task<void> Embedded::close() {
    co_await housekeeper_->close();
    co_await service_->close();
    co_await store_->close();
}

}  // namespace flexfs::mount
