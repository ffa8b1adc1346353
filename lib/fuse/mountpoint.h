// Mounting and unmounting, with libfuse's help: root calls mount(2), others go through fusermount3.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lib/base/result.h"

namespace flexfs::fuse {

// The type of a mount in the mount table.
inline constexpr std::string_view filesystem_type = "fuse.flexfs";

struct MountpointOptions {
    std::string source;  // what mount(8) shows as the device
    bool read_only = false;
    bool no_exec = false;
    bool no_suid = false;
    bool no_dev = false;
    bool no_atime = false;
    bool strict_atime = false;  // only a mount by root shows it
    bool non_empty = false;     // mount over a folder with entries
};

class Mountpoint {
public:
    // ENOENT, ENOTDIR, ENOTEMPTY, EBUSY (something is mounted there), EACCES, ENODEV (no FUSE),
    // each with a sentence. First removes a mount there whose process is gone.
    static Result<Mountpoint> mount(const std::string& folder, const MountpointOptions& options);
    // Returns the error that mount() would return for the folder now. Detaches a stale mount there.
    static Result<void> check(const std::string& folder, const MountpointOptions& options);

    // Takes over a mount made before the process replaced its image; `descriptor` stayed open.
    static Mountpoint adopt(const std::string& folder, int descriptor) {
        return {folder, descriptor};
    }

    // The kernel's queue, non-blocking; the caller closes it.
    int descriptor() const { return descriptor_; }
    // Detaches the mount, in use or not; open files can be used until the descriptor is closed.
    void detach();

private:
    Mountpoint(std::string folder, int descriptor)
        : folder_(std::move(folder)), descriptor_(descriptor) {}
    std::string folder_;
    int descriptor_;
};

// Unmounts. EBUSY while the mount is in use, unless `lazy`; EINVAL if nothing is mounted; EPERM
// with fusermount3's reason.
Result<void> unmount(const std::string& folder, bool lazy);

// Returns true if the process of a mount is gone: "Transport endpoint is not connected".
bool is_stale(const std::string& folder);

// Lets the kernel read ahead as far as the mount allows, if the process may set that (root). Must
// not be called from the loop that serves the mount.
void set_readahead(const std::string& folder);

}  // namespace flexfs::fuse
