// The options of a mount, as flags of `flexfs mount start`, and in -o, in fstab and everywhere else
// that options are written. The option table (option_table.h) has their names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/cli/flag.h"
#include "lib/conf/store_settings.h"
#include "lib/upkeep/options.h"
#include "lib/vfs/vfs.h"
#include "lib/volume/description.h"
#include "lib/wire/types.h"

namespace flexfs::options {

using vfs::AccessTimes;

inline constexpr std::uint64_t mem_bytes_min = 32 << 20;

struct MountOptions {
    std::string volume;  // a store address; a folder in it is absolute
    std::string dir;     // absolute; symlinks are not resolved

    bool read_only = false;
    AccessTimes access_times = AccessTimes::relative;
    bool folder_access_times = true;
    bool no_exec = false;
    bool no_suid = false;
    bool no_dev = false;
    bool non_empty = false;   // mounting over a folder with entries is allowed
    std::uint32_t umask = 0;  // permission bits that are denied to everybody
    bool xattr = true;
    bool acl = true;  // never without xattr
    wire::Squash squash;
    Duration attr_valid = std::chrono::hours(1);  // Duration::max(): for ever
    Duration entry_valid = std::chrono::hours(1);

    std::uint64_t mem_bytes = 0;    // finish() sets both if they are 0
    std::uint64_t dirty_bytes = 0;  // at most mem_bytes
    std::uint64_t max_bops = 0;     // parallel requests to the store; 0: automatic
    Duration repack_interval = upkeep::Options{}.repack_interval;
    bool flush_on_close = false;
    bool sync = false;

    conf::StoreSettings store;  // of a bucket
    std::string creds_file;     // absolute; empty: the default of the address
    bool take_over = false;     // a volume in a bucket from another machine

    std::string db_folder;        // absolute; empty: the default of the kind of volume
    std::string log_file;         // absolute; empty: the default of a daemon
    std::string access_log;       // absolute; empty: none
    std::string metrics_address;  // "host:port"; empty: none
    bool foreground = false;
    bool verbose = false;
    volume::NewVolume fresh;

    bool fake = false;  // mount --fake: check everything, mount nothing
    // Set by a mount that replaces its process image (lib/process/restarter.h): the descriptor of
    // the hand-over, which this image continues from, or only checks whether it could; and why
    // another image could not.
    std::optional<std::uint32_t> takeover;
    std::optional<std::uint32_t> check_takeover;
    std::string takeover_failed;

    std::string listed;   // all of -o, in its order; merge_option_list() applies it
    bool sloppy = false;  // unknown options of -o are ignored
    std::vector<std::string> flags_given;  // their names, without dashes
};

// Variants of the command line.
struct Dialect {
    bool helper = false;  // mount(8) runs us: -f is --fake, -s, -n and -t are its own
    bool sloppy = false;  // mount -s
};

// Returns the arguments and flags of `start`, which write to `options`; it must outlive them.
std::vector<cli::Argument> arguments(MountOptions& options);
std::vector<cli::Flag> flags(MountOptions& options, Dialect dialect);

// Returns the arguments of `start` that give the same options, except those for a new volume and
// those declared after `fresh` above.
std::vector<std::string> command_line(const MountOptions& options);

// Completes options that depend on others. EINVAL: options contradict each other, or ask for more
// than the machine has.
Result<void> finish(MountOptions& options);

// Returns the address of "./data" that is valid in any working folder. EINVAL with a sentence: not
// an address.
Result<std::string> absolute_address(std::string_view text);

// Returns the target of a flag whose value is made an absolute path.
cli::Target absolute_path_target(std::string& into, std::string hint);

std::uint64_t ram_bytes();

}  // namespace flexfs::options
