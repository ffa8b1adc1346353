// Checks where a volume may be kept in a folder, before anything is created.
#pragma once

#include <filesystem>
#include <string>

#include "lib/base/result.h"

namespace flexfs::volume {

// Returns a name in the folder that belongs to no volume; empty: a volume may be created in it.
// Fails with the errors of opendir(3), except ENOENT.
Result<std::string> foreign_file(const std::string& folder);

// Returns true if the folder exists, false if it can be created in the one above. ENOTDIR, and
// ENOENT if that does not exist either, both with a sentence.
Result<bool> find_folder(const std::filesystem::path& folder);
// Creates the folder if it does not exist.
Result<void> make_folder(const std::string& folder);
// Makes the names in the folder durable, and the folder's own name, even if another process created
// it. EIO.
Result<void> settle_folder(const std::string& folder);

// EINVAL: the mount point is in the folder. Here and below, an empty one is none.
Result<void> check_outside(const std::string& folder, const std::string& mount_point);
// EINVAL: the folder is in the mount point, so that the mount would hide it from its own process.
Result<void> check_not_hidden(const std::string& folder, const std::string& mount_point);
// EINVAL: the folder is inside that of another volume, which may delete what is in it.
Result<void> check_no_volume_above(const std::string& folder);

// Returns true if `inner` is `outer`, or below it; both must be free of links.
bool is_within(const std::filesystem::path& inner, const std::filesystem::path& outer);
// Returns the path without links, as far as it exists.
std::filesystem::path resolved(const std::string& path);

}  // namespace flexfs::volume
