// A volume that a mount has opened, wherever it is. Today it is kept in a folder, with its metadata
// service in this process; volumes in buckets and behind servers are further kinds.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lib/loop/loop.h"
#include "lib/object/store.h"
#include "lib/process/service_lock.h"
#include "lib/rpc/caller.h"
#include "lib/service/service.h"
#include "lib/upkeep/housekeeper.h"
#include "lib/vfs/vfs.h"
#include "lib/volume/description.h"

namespace flexfs::volume {

struct OpenOptions {
    std::string address;    // as given: ./data, file:///data?latency=20ms
    std::string db_folder;  // of the database; empty: where the kind of volume has it
    NewVolume fresh;        // how a new volume is made; one that exists must be the same
    std::uint64_t db_cache_bytes = 64 << 20;
    bool read_only = false;
    bool sync = false;        // every metadata operation is on disk when it is answered
    std::string mount_point;  // for others that find the volume in use
    // The descriptor that kept_descriptor() named in the process image before this one; that image
    // left its session open.
    std::optional<int> taken_over = {};
};

// An opened volume. One owner; to be closed before it is destroyed.
class OpenVolume {
public:
    virtual ~OpenVolume() = default;

    // The way to the metadata service, for the one client of this mount.
    virtual std::unique_ptr<rpc::Caller<wire::Metadata>> connect(
        rpc::Client<wire::Metadata>& client) = 0;
    virtual object::Store& store() = 0;
    // Counters of the metadata service and of its housekeeping, if they run in this process.
    struct ServiceCounters {
        service::Counters changes;
        upkeep::Counters segments;
    };
    virtual std::optional<ServiceCounters> service_counters() const = 0;

    // The descriptor that the next process image needs to go on with the volume; -1: none.
    virtual int kept_descriptor() const = 0;
    // Leaves a sentence about what went wrong for whoever waits until the volume is free.
    virtual void complain(const std::string& sentence) = 0;

    // Ends the work of the service and the store. Clients must be closed before.
    virtual Task<void> close() = 0;
};

// Opens the volume at the address, or makes one where the folder is empty or missing; a new volume
// survives a power cut when this returns. Every error is a sentence: ENOTDIR, EACCES, EBUSY (in
// use; it says by which process), ENOTEMPTY (the folder holds other files), EPROTO (made by a newer
// flexfs), EIO (damaged), EINVAL (the address, or not made as `fresh` says). Call check() before,
// unless the volume is taken over: it leaves a folder of somebody else's as it is.
Task<std::unique_ptr<OpenVolume>> open(Loop& loop, OpenOptions options);

// Whether the volume can be opened or made; changes nothing. The errors of open(), and EINVAL if
// the mount point is inside the volume's folder, or would hide it or its database, or if the volume
// would be made inside another one. `later`: the folders above its own may appear until then.
enum class When { now, later };
Result<void> check(const OpenOptions& options, When when = When::now);

// Whether this process could go on with the volume that another process serves as `served`; changes
// nothing. A sentence as from open(), except what only an open database can tell.
Result<void> check_takeover(const OpenOptions& options, const wire::VolumeInfo& served);

// The file that a process holds locked while it has the volume at the address open; empty if there
// is none, or the address is wrong.
std::string lock_path(const std::string& address);

// The folder that holds the volume's data; empty if it is not in a folder.
std::string data_folder(const std::string& address);

}  // namespace flexfs::volume
