// An embedded volume: its metadata service runs in this process, over a database beside the data.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lib/loop/loop.h"
#include "lib/meta/volume.h"
#include "lib/object/address.h"
#include "lib/object/store.h"
#include "lib/service/service.h"
#include "lib/upkeep/housekeeper.h"
#include "roles/mount/options.h"
#include "roles/mount/presence.h"

namespace flexfs::mount {

struct EmbeddedOptions {
    std::string address;    // as given: ./data, file:///data?latency=20ms
    std::string db_folder;  // empty: `meta` in the data folder
    NewVolume fresh;        // what a new volume is made as, or one that is there must be
    std::uint64_t db_cache_bytes = 64 << 20;
    bool read_only = false;
    bool sync = false;        // every metadata operation is on disk when answered
    std::string mount_point;  // for whoever finds the folder in use
    // The process image before this one held the folder's lock by it, and left its session open.
    std::optional<int> lock_taken_over = {};
};

// The file that whoever has the volume in `folder` open holds locked.
std::string embedded_lock(const std::string& folder);

class Embedded {
public:
    // Opens the volume in the folder, or makes one where the folder is empty or missing. Each error
    // is a sentence: ENOTDIR, EACCES, EBUSY (in use; says by whom), ENOTEMPTY (holds other files),
    // EPROTO (made by a newer flexfs), EIO (damaged), EINVAL (the address, or not as `fresh`).
    // Unless it goes on for the process image before, after check_new(): so that a folder of
    // somebody else's stays as it is, without a lock file.
    static Result<std::unique_ptr<Embedded>> open(Loop& loop, const EmbeddedOptions& options);

    // Whether the volume can be opened or made; changes nothing. EINVAL, too: the mount point is
    // inside the volume's folder or hides it or its database, or the volume would be made inside
    // another one. `later`: the folders that its own are in may appear until then.
    enum class When { now, later };
    static Result<void> check_new(const EmbeddedOptions& options, When when = When::now);

    // Whether open() would find the volume that is `served` already by another process; changes
    // nothing. A sentence as from open(), but for what only an open database tells.
    static Result<void> check(const EmbeddedOptions& options, const wire::VolumeInfo& served);

    object::Store& store() { return *store_; }
    service::Service& service() { return *service_; }
    upkeep::Housekeeper& housekeeper() { return *housekeeper_; }
    meta::Volume& volume() { return *volume_; }
    // In its folder. Given up last of all.
    LockFile& lock() { return lock_; }

    // Ends the service's work. Before it is destroyed.
    Task<void> close();

private:
    explicit Embedded(LockFile lock) : lock_(std::move(lock)) {}

    LockFile lock_;
    std::unique_ptr<object::Store> store_;
    std::unique_ptr<meta::Volume> volume_;
    std::unique_ptr<service::Service> service_;
    std::unique_ptr<upkeep::Housekeeper> housekeeper_;
};

}  // namespace flexfs::mount
