#include "lib/volume/description.h"

#include <cerrno>
#include <utility>

#include "lib/base/format.h"
#include "lib/base/text.h"

namespace flexfs::volume {
namespace {

constexpr const char* compression_names[] = {"none", "lz4", "zstd"};

}  // namespace

std::string compression_name(wire::Compression kind) {
    return compression_names[std::to_underlying(kind)];
}

std::optional<wire::Compression> compression_from(std::string_view name) {
    for (std::size_t i = 0; i < std::size(compression_names); ++i)
        if (name == compression_names[i]) return wire::Compression(i);
    return std::nullopt;
}

wire::VolumeInfo NewVolume::info() const {
    wire::VolumeInfo info;
    info.block_bytes = block_bytes.value_or(info.block_bytes);
    info.inline_bytes = inline_bytes.value_or(info.inline_bytes);
    info.max_inodes = max_inodes.value_or(info.max_inodes);
    info.max_blocks = max_blocks.value_or(info.max_blocks);
    info.compression = compression_from(compression).value_or(info.compression);
    return info;
}

Result<void> NewVolume::check_same(const wire::VolumeInfo& known, const std::string& folder) const {
    const auto compare = [&](const char* flag, const char* key, bool given, const auto& wanted,
                             const auto& has, auto text) -> Result<void> {
        if (!given || wanted == has) return {};
        return explain(
            EINVAL,
            fmt::format("{} {}: the volume in {} was made with {}; {}", flag, text(wanted), folder,
                        text(has),
                        key ? fmt::format("to change it, edit {} in {}/volume.yaml", key, folder)
                            : "that cannot be changed"));
    };
    const auto number = [](std::uint64_t value) { return fmt::format("{}", value); };
    const wire::VolumeInfo mine = info();
    const auto name = [](wire::Compression kind) { return compression_name(kind); };
    TRY(compare("--blockSize", nullptr, block_bytes.has_value(), mine.block_bytes,
                known.block_bytes, format_size));
    TRY(compare("--compression", "compression", !compression.empty(), mine.compression,
                known.compression, name));
    TRY(compare("--inlineSize", "inline_size", inline_bytes.has_value(), mine.inline_bytes,
                known.inline_bytes, format_size));
    TRY(compare("--maxInodes", "max_inodes", max_inodes.has_value(), mine.max_inodes,
                known.max_inodes, number));
    return compare("--maxBlocks", "max_blocks", max_blocks.has_value(), mine.max_blocks,
                   known.max_blocks, number);
}

wire::VolumeInfo info_of(const conf::Volume& file) {
    wire::VolumeInfo info;
    info.id = file.id;
    info.name = file.name;
    info.block_bytes = std::uint32_t(file.block_bytes);
    info.inline_bytes = std::uint32_t(file.inline_bytes);
    info.max_inodes = file.max_inodes;
    info.max_blocks = file.max_blocks;
    info.compression = compression_from(file.compression).value_or(info.compression);
    return info;
}

conf::Volume file_of(const wire::VolumeInfo& info) {
    return {.id = info.id,
            .name = info.name,
            .block_bytes = info.block_bytes,
            .compression = compression_name(info.compression),
            .inline_bytes = info.inline_bytes,
            .max_inodes = info.max_inodes,
            .max_blocks = info.max_blocks,
            .created = wall_now()};
}

}  // namespace flexfs::volume
