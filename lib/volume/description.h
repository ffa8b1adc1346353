// The description of a volume: its name, sizes, limits and compression, as flags ask for them and
// as volume.yaml has them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/conf/volume.h"
#include "lib/wire/types.h"

namespace flexfs::volume {

// How a new volume is to be made. Unset fields have their default.
struct NewVolume {
    std::optional<std::uint32_t> block_bytes;
    std::optional<std::uint32_t> inline_bytes;
    std::optional<std::uint64_t> max_inodes;
    std::optional<std::uint64_t> max_blocks;
    std::string compression;  // none, lz4, zstd

    // Without id and name.
    wire::VolumeInfo info() const;
    // EINVAL: something that is set differs from `known`, the volume in `folder`. The sentence
    // names the flag and both values.
    Result<void> check_same(const wire::VolumeInfo& known, const std::string& folder) const;
};

// "none", "lz4", "zstd".
std::string compression_name(wire::Compression kind);
std::optional<wire::Compression> compression_from(std::string_view name);

// volume.yaml and the same as the service knows it.
wire::VolumeInfo info_of(const conf::Volume& file);
conf::Volume file_of(const wire::VolumeInfo& info);

}  // namespace flexfs::volume
