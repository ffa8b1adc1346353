#include "lib/block/chunk.h"

#include <array>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/block/codec.h"
#include "lib/block/hash.h"
#include "lib/block/numbers.h"

namespace flexfs::block {

std::uint64_t chunk_seal(ChunkId id, const std::byte* tail, std::uint64_t body_hash) {
    std::array<std::byte, 24> sealed;
    store<8>(sealed.data(), id.check);
    store<4>(sealed.data() + 8, id.number);
    std::memcpy(sealed.data() + 12, tail, 4);
    store<8>(sealed.data() + 16, body_hash);
    return hash_of(sealed);
}

Result<Buffer> decode_chunk(const Buffer& stored, ChunkId id) {
    const auto damaged = [&](std::string what) {
        return fail(EIO, fmt::format("chunk {} of the frame: {}", id.number, what));
    };
    if (stored.size() <= chunk_tail_bytes)
        return damaged(fmt::format("{} bytes are too few", stored.size()));
    const Buffer body = stored.slice(0, stored.size() - chunk_tail_bytes);
    const std::byte* const tail = stored.data() + body.size();
    if (chunk_seal(id, tail, hash_of(body)) != load<8>(tail + 4))
        return damaged("its checksum is wrong, or it belongs to another frame");
    const std::size_t bytes = load<3>(tail);
    const auto codec = load<1>(tail + 3);
    if (codec > std::uint64_t(Compression::zstd))
        return damaged(fmt::format("unknown codec {}", codec));
    const bool possible = bytes >= 1 && bytes <= chunk_bytes &&
                          (codec == 0 ? body.size() == bytes : body.size() < bytes);
    if (!possible)
        return damaged(
            fmt::format("impossible lengths: {} bytes stored for {}", body.size(), bytes));
    if (codec == 0) return body;

    WritableBuffer data(bytes);
    if (!decompress(Compression(codec), body, data.bytes()))
        return damaged("it does not decompress");
    return std::move(data).freeze();
}

}  // namespace flexfs::block
