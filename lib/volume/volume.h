// A volume that a mount has opened, wherever it is kept: in a folder or in a bucket, with its
// metadata service in this process. Volumes behind servers are a further kind.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lib/conf/store_settings.h"
#include "lib/loop/loop.h"
#include "lib/metrics/registry.h"
#include "lib/object/store.h"
#include "lib/process/service_lock.h"
#include "lib/rpc/caller.h"
#include "lib/service/service.h"
#include "lib/upkeep/housekeeper.h"
#include "lib/upkeep/scrubber.h"
#include "lib/vfs/vfs.h"
#include "lib/volume/description.h"

namespace flexfs::volume {

struct OpenOptions {
    std::string address;    // as given: ./data, file:///data?latency=20ms, s3://bucket/prefix
    std::string db_folder;  // of the database; empty: the default of the kind of volume
    // Of a bucket, as in object::complete_settings().
    conf::StoreSettings settings;
    std::string creds_file;
    bool take_over = false;  // of a volume in a bucket, even if another machine may be using it
    NewVolume fresh;         // properties of a new volume; an existing one must match
    std::uint64_t db_cache_bytes = 64 << 20;
    bool read_only = false;
    bool sync = false;  // every metadata operation is on disk before it is answered
    // Between scans for segments to rewrite, which must be at least as old; 0 or the longest:
    // never.
    Duration repack_interval = upkeep::Options{}.repack_interval;
    metrics::Registry* metrics = nullptr;  // for the requests to the store; must outlive the volume
    std::string mount_point;               // shown to other processes that find the volume in use
    // The descriptor that kept_descriptor() returned in the previous process image; that image left
    // its session open.
    std::optional<int> taken_over = {};
};

// An opened volume. It has one owner and must be closed before it is destroyed.
class OpenVolume {
public:
    virtual ~OpenVolume() = default;

    // Returns the connection to the metadata service for the only client of this mount.
    virtual std::unique_ptr<rpc::Caller<wire::Metadata>> connect(
        rpc::Client<wire::Metadata>& client) = 0;
    virtual object::Store& store() = 0;
    // Counters of the metadata service and of its housekeeping, if they run in this process.
    struct ServiceCounters {
        service::Counters changes;
        upkeep::Counters segments;
    };
    virtual std::optional<ServiceCounters> service_counters() const = 0;

    // Ends, with a sentence, when the volume may no longer be changed by this process, because
    // another one has taken it over (ESTALE). Else it ends when it is stopped.
    virtual Task<void> lost() = 0;

    // Returns a scrubber of the volume, to be destroyed before it is closed; null if its metadata
    // is served elsewhere.
    virtual std::unique_ptr<upkeep::Scrubber> scrubber(upkeep::ScrubOptions options) = 0;

    // Returns the descriptor that the next process image needs to continue with the volume; -1:
    // none.
    virtual int kept_descriptor() const = 0;
    // Leaves a sentence about what went wrong for the process that waits until the volume is free.
    virtual void complain(const std::string& sentence) = 0;

    // Stops the service and the store, and closes the volume. Clients must be destroyed before.
    virtual Task<void> close() = 0;
};

// Opens the volume at the address, or creates one if the folder or the prefix is empty or missing;
// a new volume survives a power cut when this returns. Every error has a sentence: ENOTDIR, EACCES,
// EBUSY (in use; it names the process), ESTALE (a bucket was used with a newer database), ENOENT
// (the database is missing), ENOTEMPTY (the place holds other files), EPROTO (made by a newer
// flexfs), EIO (damaged), EINVAL (the address, or properties that differ from `fresh`). Unless the
// volume is taken over, call check() before, which does not modify a folder that belongs to
// something else.
Task<std::unique_ptr<OpenVolume>> open(Loop& loop, OpenOptions options);

// Whether the volume can be opened or created; changes nothing, and asks no bucket. Fails with the
// errors of open(),
// and with EINVAL if the mount point is inside the volume's folder, if it would hide that folder or
// the database, or if the volume would be created inside another one. `later`: the folders above
// its own may still be created.
enum class When { now, later };
Result<void> check(const OpenOptions& options, When when = When::now);

// Whether this process could continue with the volume that another process serves as `served`;
// changes nothing. Fails with a sentence as open() does, except for errors that only an open
// database can show.
Result<void> check_takeover(const OpenOptions& options, const wire::VolumeInfo& served);

// Returns the file that a process keeps locked while it has the volume at the address open; empty
// if there is none, or the address is invalid.
std::string lock_path(const std::string& address);

// Returns the folder that holds the volume's data or, for a bucket, its database by default; empty
// if the address is invalid.
std::string data_folder(const std::string& address);

}  // namespace flexfs::volume
