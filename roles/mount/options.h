// What `flexfs mount start` is told: by flags, and in the same words by the options of mount(8) and
// fstab.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/cli/flag.h"
#include "lib/vfs/vfs.h"
#include "lib/wire/types.h"

namespace flexfs::mount {

using vfs::AccessTimes;

// What a volume is made as, when it is made; nothing: the default.
struct NewVolume {
    std::optional<std::uint32_t> block_bytes;
    std::optional<std::uint32_t> inline_bytes;
    std::optional<std::uint64_t> max_inodes;
    std::optional<std::uint64_t> max_blocks;
    std::string compression;  // none, lz4, zstd

    // Without id and name.
    wire::VolumeInfo info() const;
    // EINVAL: what was given differs from what the volume in `folder` is; the sentence names the
    // flag and both values.
    Result<void> check_same(const wire::VolumeInfo& known, const std::string& folder) const;
};

std::string compression_name(wire::Compression kind);
std::optional<wire::Compression> compression_from(std::string_view name);

struct MountOptions {
    std::string volume;  // a store address; folders in it are absolute
    std::string dir;     // absolute, not resolved further

    bool read_only = false;
    AccessTimes access_times = AccessTimes::relative;
    bool folder_access_times = true;
    bool no_exec = false;
    bool no_suid = false;
    bool no_dev = false;
    bool non_empty = false;   // mount over a folder that has entries
    std::uint32_t umask = 0;  // permission bits that nobody gets
    bool xattr = true;
    bool acl = true;  // never without xattr
    wire::Squash squash;
    Duration attr_valid = std::chrono::hours(1);  // Duration::max(): for ever
    Duration entry_valid = std::chrono::hours(1);

    std::uint64_t mem_bytes = 0;    // finish() sets both if they are 0
    std::uint64_t dirty_bytes = 0;  // at most mem_bytes
    std::uint64_t max_bops = 0;     // block operations at a time; 0: automatic
    bool flush_on_close = false;
    bool sync = false;

    std::string db_folder;  // absolute; empty: `meta` in the volume's folder
    std::string log_file;   // absolute; empty: the default of a daemon
    bool foreground = false;
    bool verbose = false;
    NewVolume fresh;

    bool fake = false;  // mount --fake: check everything, mount nothing
    // Given by a mount that replaces its process image (takeover.h): where its hand-over can be
    // read, to go on with it or to tell whether this image could, and what became of another one.
    std::optional<std::uint32_t> takeover;
    std::optional<std::uint32_t> check_takeover;
    std::string takeover_failed;
    std::string listed;   // by all of -o, in their order
    std::string remount;  // the same, where it has remount: change a mount that runs
};

// How a command line is to be read.
struct Dialect {
    bool helper = false;  // mount(8) runs us: -f is --fake, -s, -n and -t are its own
    bool sloppy = false;  // -s: unknown options of -o are ignored
};

// The rows of `start`; they write to `options`, which must outlive them.
std::vector<cli::Argument> arguments(MountOptions& options);
std::vector<cli::Flag> flags(MountOptions& options, Dialect dialect);

// The arguments of `start` that make the same options, but for the last ones above and for what a
// volume is made as.
std::vector<std::string> command_line(const MountOptions& options);

// Fills in what depends on other options. EINVAL: they contradict each other,
// or the machine.
Result<void> finish(MountOptions& options);

// "./data" as the address that means the same from any working folder; EINVAL for what is no
// address, with a sentence.
Result<std::string> absolute_address(std::string_view text);

}  // namespace flexfs::mount
