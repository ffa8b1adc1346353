#include "lib/conf/volume.h"

#include <bit>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/base/uuid.h"
#include "lib/conf/conf.h"
#include "lib/wire/types.h"

namespace flexfs::conf {
namespace {

Field uuid(std::string key, std::string& value) {
    Field field = text(std::move(key), value);
    field.set = [&value](std::string_view given) -> Result<void> {
        if (!is_uuid(given)) return fail(EINVAL, fmt::format("'{}' is not a UUID", given));
        value = given;
        return {};
    };
    return field;
}

Field block_size(std::string key, std::uint64_t& value) {
    Field field = size(std::move(key), value, {wire::block_bytes_min, wire::block_bytes_max});
    field.set = [&value, within = field.set](std::string_view given) -> Result<void> {
        TRY(within(given));
        if (!std::has_single_bit(value))
            return fail(EINVAL, fmt::format("'{}' is not a power of two", given));
        return {};
    };
    return field;
}

Layout layout_of(Volume& volume) {
    return {{required(uuid("id", volume.id)), text("name", volume.name),
             required(block_size("block_size", volume.block_bytes)),
             choice("compression", volume.compression, {"none", "lz4", "zstd"}),
             size("inline_size", volume.inline_bytes, {0, wire::inline_bytes_max}),
             number("max_inodes", volume.max_inodes), number("max_blocks", volume.max_blocks),
             time("created", volume.created)},
            volume_format};
}

}  // namespace

Result<Volume> load_volume(const std::string& path) {
    Volume volume;
    TRY(load(path, layout_of(volume)));
    return volume;
}

Result<Volume> parse_volume(std::string_view yaml, const std::string& name) {
    Volume volume;
    TRY(parse(yaml, name, layout_of(volume)));
    return volume;
}

std::string print_volume(const Volume& volume) {
    Volume copy = volume;
    return print(layout_of(copy));
}

Result<void> save_volume(const std::string& path, const Volume& volume) {
    Volume copy = volume;
    return save(path, layout_of(copy), Access::everyone);
}

}  // namespace flexfs::conf
