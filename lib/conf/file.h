// Small files that are read and replaced as a whole.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace flexfs::conf {

inline constexpr std::size_t file_bytes_max = 1 << 20;

enum class Access {
    everyone,  // mode 0644
    owner,     // mode 0600, in folders that are made with mode 0700
};

// EFBIG for more than file_bytes_max; ENOENT, EACCES, EISDIR, … with the path.
Result<std::string> read_file(const std::string& path);

// Replaces `path` in one step that survives a power cut: afterwards it holds all of `text`, or
// after an error its old content. An existing file keeps its owner and, unless `access` is owner,
// its mode; a symlink stays one. ENOENT, EACCES, ENOSPC, EROFS, … with the path.
Result<void> replace_file(const std::string& path, std::string_view text, Access access);

}  // namespace flexfs::conf
