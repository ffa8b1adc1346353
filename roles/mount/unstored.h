// Data that is not stored yet, in words.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace flexfs::mount {

// Returns "1 file" or "2 files".
std::string count_of_files(std::uint64_t files);

// Returns "/mnt/a/x, /mnt/a/y and 3 more": the names of some of `total` files of the mount on
// `folder`, of which `names` has paths, as vfs::UnstoredFile.
std::string name_files(const std::string& folder, std::span<const std::string> names,
                       std::uint64_t total);

}  // namespace flexfs::mount
