#include "lib/block/small.h"

#include <cerrno>

#include "lib/base/check.h"
#include "lib/base/format.h"
#include "lib/block/codec.h"
#include "lib/block/numbers.h"

namespace flexfs::block {
namespace {

constexpr std::size_t length_bytes = 3;
constexpr std::size_t prefix_bytes = 1 + length_bytes;

std::unexpected<Error> damaged(std::string_view what) {
    return fail(EIO, fmt::format("the packed data of a small file is damaged: {}", what));
}

}  // namespace

Buffer pack_small(ByteView data, Compression compression) {
    check(data.size() <= wire::inline_bytes_max);
    if (data.size() < small_bytes_min || compression == Compression::none) return {};
    WritableBuffer packed(worthwhile(data.size()));
    const std::size_t used = compress(compression, data, packed.bytes().subspan(prefix_bytes));
    if (used == 0) return {};
    store<1>(packed.data(), std::uint64_t(compression));
    store<length_bytes>(packed.data() + 1, data.size());
    return Buffer::copy_of(packed.bytes().first(prefix_bytes + used));
}

Result<Buffer> unpack_small(Buffer packed) {
    if (packed.size() <= prefix_bytes) return damaged("it is too short");
    const auto codec = load<1>(packed.data());
    if (codec == 0 || codec > std::uint64_t(Compression::zstd))
        return damaged("its codec is unknown");
    const std::size_t size = load<length_bytes>(packed.data() + 1);
    if (size > wire::inline_bytes_max || packed.size() >= size)
        return damaged("its length is impossible");
    WritableBuffer data(size);
    if (!decompress(Compression(codec), packed.slice(prefix_bytes), data.bytes()))
        return damaged("it does not decompress");
    return std::move(data).freeze();
}

}  // namespace flexfs::block
