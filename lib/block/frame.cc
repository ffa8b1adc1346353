#include "lib/block/frame.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "lib/base/check.h"
#include "lib/base/format.h"
#include "lib/block/codec.h"
#include "lib/block/hash.h"
#include "lib/block/numbers.h"

namespace flexfs::block {
namespace {

constexpr std::uint64_t magic = 'F' | 'X' << 8 | 'F' << 16;
constexpr std::uint8_t format = 1;
constexpr std::uint64_t idx_end = std::uint64_t{1} << 48;
constexpr std::size_t checked_bytes = 40;  // of the header

// Data is tried in full only where this many spots of it, of this size, shrink together by half of
// what would be worth it. Finding out costs 1 % of compressing a block.
constexpr std::size_t spots = 4;
constexpr std::size_t spot_bytes = 16 << 10;

std::size_t total_of(const std::vector<Buffer>& pieces) {
    std::size_t total = 0;
    for (const Buffer& piece : pieces) total += piece.size();
    return total;
}

// Up to spot_bytes from `offset` on, as far as they lie together.
ByteView spot_at(const std::vector<Buffer>& pieces, std::size_t offset) {
    for (const Buffer& piece : pieces) {
        if (offset < piece.size())
            return piece.view().subspan(offset, std::min(spot_bytes, piece.size() - offset));
        offset -= piece.size();
    }
    return {};
}

bool looks_compressible(const std::vector<Buffer>& pieces, std::size_t total, Compression codec) {
    if (total <= 2 * spots * spot_bytes) return true;
    std::array<std::byte, spot_bytes> out;
    std::size_t before = 0, after = 0;
    for (std::size_t n = 0; n < spots; ++n) {
        const ByteView spot = spot_at(pieces, total / spots * n);
        const std::size_t used = compress(codec, spot, out);
        before += spot.size();
        after += used == 0 ? spot.size() : std::min(used, spot.size());
    }
    return after <= before - before / 32;
}

Buffer gather(const std::vector<Buffer>& pieces, std::size_t total) {
    if (pieces.size() == 1) return pieces.front();
    WritableBuffer all(total);
    std::byte* to = all.data();
    for (const Buffer& piece : pieces) {
        if (!piece.empty()) std::memcpy(to, piece.data(), piece.size());
        to += piece.size();
    }
    return std::move(all).freeze();
}

// Empty where it is not worth it.
Buffer compressed(const std::vector<Buffer>& pieces, std::size_t total, Compression codec) {
    if (codec == Compression::none || worthwhile(total) == 0) return {};
    if (!looks_compressible(pieces, total, codec)) return {};
    const Buffer data = gather(pieces, total);
    WritableBuffer out(worthwhile(total));
    const std::size_t used = compress(codec, data, out.bytes());
    if (used == 0) return {};
    // A frame that waits for its upload must not hold much more memory than it is long.
    if (used < out.size() / 4 * 3) return Buffer::copy_of(out.bytes().first(used));
    return std::move(out).freeze(used);
}

std::unexpected<Error> damaged(const FrameHeader& header, std::string what) {
    return fail(EIO, fmt::format("frame of inode {}, block {}, offset {}: {}", header.info.ino,
                                 header.info.idx, header.info.off, what));
}

Result<void> check_lengths(const FrameHeader& header) {
    const bool possible = header.decoded >= 1 && header.decoded <= decoded_bytes_max &&
                          header.info.off + header.decoded <= decoded_bytes_max &&
                          (header.codec == 0 ? header.body == header.decoded
                                             : header.body < header.decoded && header.body > 0);
    if (possible) return {};
    return damaged(header, fmt::format("impossible lengths: {} bytes stored for {}", header.body,
                                       header.decoded));
}

}  // namespace

EncodedFrame encode_frame(FrameInfo info, std::vector<Buffer> pieces, Compression compression) {
    const std::size_t total = total_of(pieces);
    check(total > 0 && total <= decoded_bytes_max && info.off + total <= decoded_bytes_max);
    check(info.idx < idx_end);

    Compression codec = compression;
    Buffer smaller = compressed(pieces, total, codec);
    if (smaller.empty()) codec = Compression::none;
    else pieces = {std::move(smaller)};
    const std::size_t body = total_of(pieces);

    WritableBuffer header(header_bytes);
    std::byte* const to = header.data();
    std::memset(to, 0, header_bytes);
    store<3>(to, magic);
    store<1>(to + 3, format);
    store<1>(to + 4, std::uint64_t(codec));
    store<3>(to + 5, body);
    store<3>(to + 8, total);
    store<3>(to + 11, info.off);
    store<6>(to + 14, info.idx);
    store<8>(to + 32, info.ino);
    Hash hash;
    hash.add(header.bytes().first(checked_bytes));
    for (const Buffer& piece : pieces) hash.add(piece);
    store<8>(to + 40, hash.value());
    return {.info = info,
            .header = std::move(header).freeze(),
            .body = std::move(pieces),
            .check = hash.value(),
            .stored = std::uint32_t(header_bytes + body),
            .decoded = std::uint32_t(total)};
}

Result<FrameHeader> parse_header(ByteView bytes) {
    if (bytes.size() < header_bytes)
        return fail(EIO, fmt::format("{} bytes are no frame", bytes.size()));
    const std::byte* const from = bytes.data();
    if (load<3>(from) != magic) return fail(EIO, "there is no frame here");
    if (load<1>(from + 3) != format)
        return fail(EIO, fmt::format("frame of format {}, this version reads {}", load<1>(from + 3),
                                     format));
    FrameHeader header{.info = {.ino = load<8>(from + 32),
                                .idx = load<6>(from + 14),
                                .off = std::uint32_t(load<3>(from + 11))},
                       .codec = std::uint8_t(load<1>(from + 4) & 15),
                       .cipher = std::uint8_t(load<1>(from + 4) >> 4),
                       .body = std::uint32_t(load<3>(from + 5)),
                       .decoded = std::uint32_t(load<3>(from + 8)),
                       .check = load<8>(from + 40)};
    if (header.cipher != 0) return damaged(header, fmt::format("unknown cipher {}", header.cipher));
    if (header.codec > std::uint8_t(Compression::zstd))
        return damaged(header, fmt::format("unknown codec {}", header.codec));
    TRY(check_lengths(header));
    return header;
}

Result<Buffer> decode_frame(Buffer stored, std::uint64_t check) {
    TRY(const FrameHeader header, parse_header(stored));
    if (header.check != check)
        return damaged(header, fmt::format("it is not the one expected: check {:016x}, not {:016x}",
                                           header.check, check));
    if (stored.size() != header_bytes + header.body)
        return damaged(header, fmt::format("{} bytes are there instead of {}", stored.size(),
                                           header_bytes + header.body));
    const Buffer body = stored.slice(header_bytes);
    if (Hash().add(stored.view().first(checked_bytes)).add(body).value() != check)
        return damaged(header, "its checksum is wrong");
    if (header.codec == 0) return body;

    WritableBuffer data(header.decoded);
    if (!decompress(Compression(header.codec), body, data.bytes()))
        return damaged(header, "it does not decompress");
    return std::move(data).freeze();
}

}  // namespace flexfs::block
