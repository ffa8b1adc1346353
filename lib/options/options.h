// The options of a mount: as flags of `flexfs mount start`, in -o and fstab, and wherever else
// flags of a mount are written down. The option table (option_table.h) says what each is called.
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
#include "lib/volume/description.h"
#include "lib/wire/types.h"

namespace flexfs::options {

using vfs::AccessTimes;

inline constexpr std::uint64_t mem_bytes_min = 32 << 20;

struct MountOptions {
    std::string volume;  // a store address; a folder in it is absolute
    std::string dir;     // absolute, not resolved further

    bool read_only = false;
    AccessTimes access_times = AccessTimes::relative;
    bool folder_access_times = true;
    bool no_exec = false;
    bool no_suid = false;
    bool no_dev = false;
    bool non_empty = false;   // mount over a folder that has entries
    std::uint32_t umask = 0;  // permission bits that are denied to everybody
    bool xattr = true;
    bool acl = true;  // never without xattr
    wire::Squash squash;
    Duration attr_valid = std::chrono::hours(1);  // Duration::max(): for ever
    Duration entry_valid = std::chrono::hours(1);

    std::uint64_t mem_bytes = 0;    // finish() sets both if they are 0
    std::uint64_t dirty_bytes = 0;  // at most mem_bytes
    std::uint64_t max_bops = 0;     // parallel requests to the store; 0: automatic
    bool flush_on_close = false;
    bool sync = false;

    std::string db_folder;  // absolute; empty: `meta` in the volume's folder
    std::string log_file;   // absolute; empty: the default of a daemon
    bool foreground = false;
    bool verbose = false;
    volume::NewVolume fresh;

    bool fake = false;  // mount --fake: check everything, mount nothing
    // Given by a mount that replaces its process image (lib/process/restarter.h): the descriptor of
    // the hand-over, to go on with it or to check whether this image could, and why another one did
    // not.
    std::optional<std::uint32_t> takeover;
    std::optional<std::uint32_t> check_takeover;
    std::string takeover_failed;

    std::string listed;   // all of -o, in its order; merge_option_list() applies it
    bool sloppy = false;  // unknown options of -o are ignored
    std::vector<std::string> flags_given;  // their names, without dashes
};

// How a command line is to be read.
struct Dialect {
    bool helper = false;  // mount(8) runs us: -f is --fake, -s, -n and -t are its own
    bool sloppy = false;  // mount -s
};

// The arguments and flags of `start`; they write to `options`, which must outlive them.
std::vector<cli::Argument> arguments(MountOptions& options);
std::vector<cli::Flag> flags(MountOptions& options, Dialect dialect);

// The arguments of `start` that give the same options, without those for a new volume and those
// after `fresh` above.
std::vector<std::string> command_line(const MountOptions& options);

// Fills in what depends on other options. EINVAL: the options contradict each other, or ask for
// more than the machine has.
Result<void> finish(MountOptions& options);

// "./data" as the address that means the same in any working folder. EINVAL with a sentence: no
// address.
Result<std::string> absolute_address(std::string_view text);

// A flag's target that makes a path absolute.
cli::Target absolute_path_target(std::string& into, std::string hint);

std::uint64_t ram_bytes();

}  // namespace flexfs::options
