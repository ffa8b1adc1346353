// The status of a mount, as JSON and as a table for people.
#pragma once

#include <optional>
#include <string>

#include "lib/base/json.h"
#include "lib/object/store.h"
#include "lib/vfs/vfs.h"
#include "lib/volume/volume.h"

namespace flexfs::mount {

enum class Phase {
    serving,
    stopping,  // asked to stop, or unmounted; dirty data is being written back
};

struct MountStatus {
    std::string mount_point;
    std::string address;
    wire::VolumeInfo volume;
    int pid = 0;
    std::uint64_t restarts = 0;  // number of times that the process image was replaced
    Phase phase = Phase::serving;
    bool read_only = false;
    vfs::State files;
    std::uint64_t memory_budget = 0, memory_used = 0;
    object::Counters store;
    std::optional<volume::OpenVolume::ServiceCounters>
        service;  // if the metadata service is in this process
    Json metrics = Json::object();
};

// Returns one object. `now` is the wall clock.
Json to_json(const MountStatus& status, Time now);

// Returns the status of a mount whose process is gone.
Json dead_mount(const std::string& mount_point, const std::string& address);

// Makes a table of status objects, with a sentence below it for each mount that cannot write back.
// `all` may come from another version of flexfs.
std::string overview(const Json& all);

// Describes one mount, a fact a line. `status` may come from another version of flexfs.
std::string description(const Json& status);

// Returns "3.0 MiB in 2 files, the oldest for 12 s", or "nothing" if everything is stored.
std::string unstored_sentence(const Json& status);

// Returns "cannot write back 3.0 MiB in 2 files (for 12 s): No space left on device; retrying";
// empty if the mount of the status can write back.
std::string trouble_sentence(const Json& status);

}  // namespace flexfs::mount
