// The mount table, as proc(5) describes it: /proc/PID/mountinfo.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/process/proc.h"

namespace flexfs::process {

struct MountEntry {
    std::string device;   // "0:52": equal for all mounts of one filesystem
    std::string path;     // the mount point
    std::string options;  // of the mount point: "rw,nosuid,relatime"
    std::string type;     // "fuse.flexfs"
    std::string source;   // for flexfs: the address of the volume
};

// Lines that cannot be parsed are left out.
std::vector<MountEntry> parse_mount_table(std::string_view text);
// Returns the mounts of this process's mount namespace; empty if they cannot be read.
std::vector<MountEntry> mount_table();

// Returns the mount on exactly this folder, whether or not it answers; the topmost mount counts.
std::optional<MountEntry> mounted_on(const std::string& folder);
inline bool is_mount_point(const std::string& folder) {
    return mounted_on(folder).has_value();
}

// Returns the mounts on folders below `folder`, the innermost last.
std::vector<MountEntry> mounts_below(std::span<const MountEntry> table, const std::string& folder);

// A process with the filesystem mounted in a mount namespace other than that of this process.
struct ElsewhereMounted {
    ProcessName process;
    std::string path;  // the mount point in that namespace
};
// Returns one such process for each namespace that has a mount for which `matches` is true. Only
// root sees the processes of all users.
std::vector<ElsewhereMounted> mounted_elsewhere(
    const std::function<bool(const MountEntry&)>& matches);

}  // namespace flexfs::process
