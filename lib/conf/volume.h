// volume.yaml describes an embedded volume; the file, or object, lies beside its data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/base/time.h"

namespace flexfs::conf {

inline constexpr unsigned volume_format = 1;

// The initial values apply to a file without the key.
struct Volume {
    std::string id;  // UUID
    std::string name;
    std::uint64_t block_bytes = 4 << 20;   // a power of two
    std::string compression = "lz4";       // or none, zstd
    std::uint64_t inline_bytes = 8 << 10;  // files up to this size live in the metadata; 0: none
    std::uint64_t max_inodes = 0;          // 0: no limit
    std::uint64_t max_blocks = 0;          // of block_bytes; 0: no limit
    Time created = 0;                      // to the second

    bool operator==(const Volume&) const = default;
};

// EINVAL (the sentence names file, line and key), EPROTO (written by a newer flexfs), ENOENT,
// EACCES.
Result<Volume> load_volume(const std::string& path);
// The same from a text; `name` is that of its object in errors.
Result<Volume> parse_volume(std::string_view yaml, const std::string& name);
std::string print_volume(const Volume& volume);
// The file is durable when this returns. ENOSPC, EACCES, …
Result<void> save_volume(const std::string& path, const Volume& volume);

}  // namespace flexfs::conf
