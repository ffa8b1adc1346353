// Options in a list, as in fstab and mount(8): "ro,noATime,memCapacity=128M". The names are those
// of the option table, and some names of other filesystems (nofail, _netdev, x-…), which are
// ignored.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/options/options.h"

namespace flexfs::options {

struct ListedOption {
    std::string_view text;  // "memCapacity=128M"
    std::string_view name;
    std::optional<std::string_view> value;
};
// Omits empty options. The views point into the list.
std::vector<ListedOption> split_options(std::string_view list);

// Returns true if the list is to change a running mount.
bool is_remount(std::string_view list);

// Sets the options in their order, so the last of contradicting ones wins. EINVAL with a sentence
// that names the option and the nearest valid one; `sloppy`: unknown options are ignored.
Result<void> apply_option_list(MountOptions& options, std::string_view list, bool sloppy);

// Applies the options of -o. EINVAL: as above, or one contradicts a flag; the sentence names both.
Result<void> merge_option_list(MountOptions& options);

// Checks that the list of a remount is well-formed; EINVAL as above.
Result<void> check_remount_list(std::string_view list, bool sloppy);

// Returns the names of listed options that differ from those of a mount of `volume`, or are wrong.
std::vector<std::string> changes(const MountOptions& options, const wire::VolumeInfo& volume,
                                 std::string_view list);

}  // namespace flexfs::options
