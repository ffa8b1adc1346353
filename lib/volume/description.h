// The description of a volume: its name, sizes, limits and compression, as given by flags and as
// stored in volume.yaml.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/conf/volume.h"
#include "lib/wire/types.h"

namespace flexfs::volume {

// The requested properties of a new volume. Fields that are not set have their defaults.
struct NewVolume {
    std::optional<std::uint32_t> block_bytes;
    std::optional<std::uint32_t> inline_bytes;
    std::optional<std::uint64_t> max_inodes;
    std::optional<std::uint64_t> max_blocks;
    std::string compression;  // none, lz4, zstd

    // Returns them without id and name.
    wire::VolumeInfo info() const;
    // EINVAL: a field that is set differs from `known`, the volume in `folder`. The sentence names
    // the flag and both values.
    Result<void> check_same(const wire::VolumeInfo& known, const std::string& folder) const;
};

// Returns "none", "lz4" or "zstd".
std::string compression_name(wire::Compression kind);
std::optional<wire::Compression> compression_from(std::string_view name);

// Convert between volume.yaml and the form that the service uses.
wire::VolumeInfo info_of(const conf::Volume& file);
conf::Volume file_of(const wire::VolumeInfo& info);

}  // namespace flexfs::volume
