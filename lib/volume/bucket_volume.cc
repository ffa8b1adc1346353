#include "lib/volume/bucket_volume.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "lib/base/format.h"
#include "lib/base/home.h"
#include "lib/base/text.h"
#include "lib/base/uuid.h"
#include "lib/loop/pool.h"
#include "lib/volume/database.h"
#include "lib/volume/embedded_volume.h"
#include "lib/volume/place.h"

namespace flexfs::volume {
namespace {

constexpr const char* description_key = "volume.yaml";

std::string database_folder(const BucketPlace& place, const OpenOptions& options) {
    return options.db_folder.empty() ? place.folder : options.db_folder;
}

std::string name_of_new(const std::string& place) {
    return place.substr(place.rfind('/') + 1);
}

// Returns a key that belongs to no volume; empty: a volume may be created.
Task<std::string> foreign_object(object::Store& store) {
    const object::Page page = co_await store.list("", "", 2);
    for (const object::Listed& object : page.objects)
        if (object.key != claim_key) co_return object.key;
    co_return std::string();
}

// Reads the description of the volume, or determines that of a new one.
Task<Described> describe(object::Store& store, std::string place, OpenOptions options) {
    const auto found = co_await result(store.get(description_key));
    if (found) {
        const std::string name = fmt::format("{}/{}", place, description_key);
        const wire::VolumeInfo info = info_of(co_await conf::parse_volume(found->text(), name));
        co_await options.fresh.check_same(info, place);
        co_return Described{info, false};
    }
    if (found.error().code != ENOENT) co_await fail(found.error());
    const std::string foreign = co_await foreign_object(store);
    if (!foreign.empty())
        co_await explain(ENOTEMPTY, fmt::format("{} holds other objects ({}) and no volume; give "
                                                "a prefix of its own, such as {}/volume",
                                                place, foreign, place));
    if (options.read_only)
        co_await explain(
            ENOENT,
            fmt::format("{} holds no volume; mount it once without --ro to create one", place));
    wire::VolumeInfo info = options.fresh.info();
    info.id = make_uuid();
    info.name = name_of_new(place);
    co_return Described{info, true};
}

// Somebody who lost the database has to know where it was.
Task<void> check_database_exists(object::Store& store, std::string place, std::string db_folder) {
    if (::access(database_path(db_folder).c_str(), F_OK) == 0) co_return;
    const std::optional<Claim::Found> last = co_await Claim::look(store);
    const std::string used = last ? fmt::format("It was last used by the host {} ({})",
                                                last->claim.host, format_time(last->claim.renewed))
                                  : "It is on the machine that created the volume";
    co_await explain(ENOENT,
                     fmt::format("{} holds a volume, but its database is not in {}. {}: mount the "
                                 "volume there, copy the database from there, give its folder with "
                                 "--dbFolder, or restore it from a backup",
                                 place, db_folder, used));
}

// Takes the lock that keeps two processes of this machine apart, and the folder of the database.
Result<process::ServiceLock> prepare_folders(const BucketPlace& place, const OpenOptions& options) {
    TRY(make_private_folder(place.folder));
    if (!options.db_folder.empty()) TRY(make_folder(options.db_folder));
    if (options.taken_over)
        return process::ServiceLock::adopt(*options.taken_over, options.mount_point);
    const std::string path = place.folder + "/lock";
    auto lock = process::ServiceLock::take_for_mount(path, options.mount_point);
    if (lock || lock.error().code != EBUSY) return lock;
    const auto holder = process::ServiceLock::holder(path);
    return explain(EBUSY, fmt::format("{} is in use by the mount on {} (process {})", place.name,
                                      holder ? holder->place : "?", holder ? holder->pid : 0));
}

// Puts the description of a new volume. It is written last, so that a start that is interrupted
// leaves no volume without its database.
Task<void> put_description(object::Store& store, std::string place, wire::VolumeInfo info) {
    const Buffer text = Buffer::copy_of(conf::print_volume(file_of(info)));
    auto made = co_await result(store.put_if(description_key, text, ""));
    if (code_of(made) == EOPNOTSUPP) {
        co_await store.put(description_key, {text});
        co_return;
    }
    if (code_of(made) == EEXIST) {
        // An earlier try may have succeeded, although its answer was lost.
        if ((co_await store.get(description_key)) == text) co_return;
        co_await fail(EBUSY, fmt::format("another process is creating a volume in {}", place));
    }
    co_await std::move(made);
}

// Opens the claim, the description and the database, in an order in which a start that is refused
// or interrupted changes nothing that matters.
Task<void> open_parts(Loop& loop, const BucketPlace& place, const OpenOptions& options,
                      EmbeddedVolume::Parts& parts) {
    // The claim that the permit asks is made only when it is known whether there is a volume.
    const auto holder = std::make_shared<const Claim*>(nullptr);
    parts.store = co_await place.open([holder](std::string_view key) -> Result<void> {
        if (*holder) return (*holder)->permit(key);
        return fail(EIO, "the volume is not claimed yet");
    });
    object::Store& store = *parts.store;
    const Described described = co_await describe(store, place.name, options);
    if (!described.fresh) co_await check_database_exists(store, place.name, parts.db_folder);
    parts.claim =
        std::make_unique<Claim>(loop, store,
                                Claim::Options{.mount_point = options.mount_point,
                                               .made_path = parts.db_folder + "/claim.yaml",
                                               .take_over = options.take_over,
                                               .fresh = described.fresh,
                                               .terms = place.terms});
    *holder = parts.claim.get();
    co_await parts.claim->take();

    parts.volume = co_await offload(
        loop, [&] { return open_database(parts.db_folder, place.name, described, options); });
    parts.described = described.fresh ? parts.volume->info() : described.info;
    if (parts.volume->info().id != parts.described.id)
        co_await explain(EEXIST, fmt::format("{} holds the database of another volume than {}; "
                                             "give the folder of the right one as --dbFolder",
                                             parts.db_folder, place.name));
    if (described.fresh) co_await put_description(store, place.name, parts.described);
}

}  // namespace

std::string default_folder(const object::Address& address) {
    return fmt::format("{}/mount/data/{}", flexfs_home(), address.file_name());
}

BucketPlace bucket_place(Loop& loop, object::Address address, metrics::Registry* metrics) {
    BucketPlace place{.name = address.without_options(), .folder = default_folder(address)};
    place.open = [&loop, address = std::move(address), metrics](object::Permit permit) {
        return object::open_store(loop, address, {.permit = std::move(permit), .metrics = metrics});
    };
    return place;
}

Task<std::unique_ptr<OpenVolume>> open_in_bucket(Loop& loop, BucketPlace place,
                                                 OpenOptions options) {
    EmbeddedVolume::Parts parts{
        .lock = co_await offload(loop, [&] { return prepare_folders(place, options); }),
        .db_folder = database_folder(place, options)};
    if (auto opened = co_await result(open_parts(loop, place, options, parts)); !opened) {
        if (parts.volume) co_await result(service::close_volume(loop, std::move(parts.volume)));
        co_await close_parts(parts);
        co_await std::move(opened);
    }
    co_return co_await EmbeddedVolume::serve(loop, std::move(parts), std::move(options));
}

Result<void> check_bucket(const object::Address& address, const OpenOptions& options) {
    for (const std::string& folder : {default_folder(address), options.db_folder})
        if (!folder.empty()) TRY(check_not_hidden(folder, options.mount_point));
    if (!options.db_folder.empty()) TRY(find_folder(options.db_folder));
    return {};
}

// The bucket is not asked: the next process image does that, and gives the volume back if it
// cannot continue.
Result<void> check_bucket_takeover(const object::Address& address, const OpenOptions& options) {
    const std::string folder =
        options.db_folder.empty() ? default_folder(address) : options.db_folder;
    const std::string path = database_path(folder);
    if (::access(path.c_str(), R_OK | W_OK) == 0) return {};
    return fail_errno("cannot use the database " + path);
}

}  // namespace flexfs::volume
