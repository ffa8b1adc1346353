// Where a volume kept in a folder may be: the checks before anything is made.
#pragma once

#include <filesystem>
#include <string>

#include "lib/base/result.h"

namespace flexfs::volume {

// A name in the folder that belongs to no volume; empty: a volume may be made in it. The errors of
// opendir(3), except ENOENT.
Result<std::string> foreign_file(const std::string& folder);

// True if the folder exists, false if it can be made in the one above. ENOTDIR, and ENOENT if that
// does not exist either, both with a sentence.
Result<bool> find_folder(const std::filesystem::path& folder);
// Makes the folder if it does not exist.
Result<void> make_folder(const std::string& folder);
// The names in the folder are on disk, and its own name, whoever made it. EIO.
Result<void> settle_folder(const std::string& folder);

// EINVAL: the mount point is in the folder.
Result<void> check_outside(const std::string& folder, const std::string& mount_point);
// EINVAL: the folder is in the mount point, so that the mount would hide it from its own process.
Result<void> check_not_hidden(const std::string& folder, const std::string& mount_point);
// EINVAL: the folder is inside that of another volume, which may delete what is in it.
Result<void> check_no_volume_above(const std::string& folder);

// True if `inner` is `outer`, or below it; both without links.
bool is_within(const std::filesystem::path& inner, const std::filesystem::path& outer);
// The path without links, as far as it exists.
std::filesystem::path resolved(const std::string& path);

}  // namespace flexfs::volume
