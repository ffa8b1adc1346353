#include "lib/block/small.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/check.h"
#include "lib/base/format.h"
#include "lib/block/codec.h"
#include "lib/block/hash.h"
#include "lib/block/numbers.h"

namespace flexfs::block {
namespace {

// The bits of the forms with a checksum. One flipped bit never turns such a form into one without.
constexpr std::uint64_t has_check = 168, codec_bits = 7;
constexpr std::size_t length_bytes = 3, check_bytes = 4;
constexpr std::size_t prefix_bytes = 1 + length_bytes;
static_assert(prefix_bytes + check_bytes <= wire::inline_overhead_max);

std::unexpected<Error> damaged(std::string_view what) {
    return fail(EIO, fmt::format("the packed data of a small file is damaged: {}", what));
}

std::uint32_t check_of(ByteView data) {
    return static_cast<std::uint32_t>(Hash().add(data).value());
}

Buffer packed(std::uint64_t form, ByteView data, ByteView body) {
    WritableBuffer all(prefix_bytes + check_bytes + body.size());
    store<1>(all.data(), form | has_check);
    store<length_bytes>(all.data() + 1, data.size());
    store<check_bytes>(all.data() + prefix_bytes, check_of(data));
    std::ranges::copy(body, all.data() + prefix_bytes + check_bytes);
    return std::move(all).freeze();
}

}  // namespace

Buffer pack_small(ByteView data, Compression compression) {
    check(data.size() <= wire::inline_bytes_max);
    if (data.empty()) return {};
    if (data.size() >= small_bytes_min && compression != Compression::none) {
        WritableBuffer shorter(worthwhile(data.size()));
        const std::size_t used =
            compress(compression, data, shorter.bytes().subspan(prefix_bytes + check_bytes));
        if (used > 0)
            return packed(std::uint64_t(compression), data,
                          shorter.bytes().subspan(prefix_bytes + check_bytes, used));
    }
    return packed(std::uint64_t(Compression::none), data, data);
}

Result<Buffer> unpack_small(Buffer packed) {
    if (packed.size() <= prefix_bytes) return damaged("it is too short");
    const auto form = load<1>(packed.data());
    const bool checked = (form & ~codec_bits) == has_check;
    const std::uint64_t codec = checked ? form & codec_bits : form;
    const std::size_t head = prefix_bytes + (checked ? check_bytes : 0);
    if (codec > std::uint64_t(Compression::zstd) || (codec == 0 && !checked))
        return damaged("its form is unknown");
    if (packed.size() <= head) return damaged("it is too short");
    const std::size_t size = load<length_bytes>(packed.data() + 1);
    const Buffer body = packed.slice(head);
    if (size > wire::inline_bytes_max || (codec == 0 ? body.size() != size : packed.size() >= size))
        return damaged("its length is impossible");
    Buffer data = body;
    if (codec != 0) {
        WritableBuffer plain(size);
        if (!decompress(Compression(codec), body, plain.bytes()))
            return damaged("it does not decompress");
        data = std::move(plain).freeze();
    }
    if (checked && load<check_bytes>(packed.data() + prefix_bytes) != check_of(data.view()))
        return damaged("its checksum does not match");
    return data;
}

}  // namespace flexfs::block
