// Mount options as mount(8) and fstab have them: "ro,noATime,memCapacity=128M", the flags of
// `start` without dashes, and what mount(8) itself knows (the likes of noexec; rw, nofail, _netdev,
// x-… are ignored).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "roles/mount/options.h"

namespace flexfs::mount {

struct ListedOption {
    std::string_view text;  // "memCapacity=128M"
    std::string_view name;
    std::optional<std::string_view> value;
};
// Without empty ones. They point into the list.
std::vector<ListedOption> split_options(std::string_view list);

// True where the list is to change a mount that runs.
bool is_remount(std::string_view list);

// The last of contradicting ones holds. EINVAL with a sentence that names the option and the
// nearest valid one; `sloppy`: unknown ones are ignored.
Result<void> apply_option_list(MountOptions& options, std::string_view list, bool sloppy);

// What is wrong in the list of a remount, as above.
Result<void> check_remount_list(std::string_view list, bool sloppy);

// The names of those of `list` by which a mount with `options` would be another, or which are
// wrong.
std::vector<std::string> changes(const MountOptions& options, std::string_view list);

}  // namespace flexfs::mount
