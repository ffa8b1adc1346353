#include "lib/block/segment.h"

#include <array>
#include <cerrno>
#include <charconv>

#include "lib/base/check.h"
#include "lib/base/format.h"
#include "lib/block/hash.h"
#include "lib/block/numbers.h"

namespace flexfs::block {
namespace {

constexpr std::uint64_t magic = 'F' | 'X' << 8 | 'S' << 16;
constexpr std::uint8_t format = 1;
constexpr std::size_t checked_bytes = 24;  // the part of the trailer that the hash covers

// Spreads segments over 256 folders or key prefixes, whatever the order of their ids.
std::uint8_t spread_of(SegmentId id) {
    return std::uint8_t(Hash().add(std::as_bytes(std::span(&id, 1))).value() >> 56);
}

struct Trailer {
    SegmentId id;
    std::uint64_t frame_bytes;
    std::uint64_t count;
    std::uint64_t check;
};

std::unexpected<Error> damaged(std::string what) {
    return fail(EIO, "the segment's footer is damaged: " + what);
}

Result<Trailer> parse_trailer(ByteView tail) {
    if (tail.size() < trailer_bytes)
        return damaged(fmt::format("{} bytes are too few", tail.size()));
    const std::byte* const from = tail.last(trailer_bytes).data();
    if (load<3>(from + 20) != magic) return damaged("its magic is missing");
    if (load<1>(from + 23) != format)
        return damaged(fmt::format("format {}, this version reads {}", load<1>(from + 23), format));
    const Trailer trailer{load<8>(from), load<8>(from + 8), load<4>(from + 16), load<8>(from + 24)};
    if (trailer.count > (segment_bytes_max - trailer_bytes) / entry_bytes)
        return damaged(fmt::format("{} frames are too many", trailer.count));
    return trailer;
}

SegmentEntry parse_entry(const std::byte* from) {
    return {.info = {.ino = load<8>(from + 8),
                     .idx = load<8>(from + 16),
                     .off = std::uint32_t(load<4>(from + 24))},
            .pos = std::uint32_t(load<4>(from)),
            .stored = std::uint32_t(load<4>(from + 4)),
            .decoded = std::uint32_t(load<4>(from + 28)),
            .check = load<8>(from + 32)};
}

}  // namespace

std::uint32_t SegmentBuilder::add(EncodedFrame frame) {
    check(bytes() + frame.stored + entry_bytes <= segment_bytes_max);
    const auto pos = std::uint32_t(frame_bytes_);
    std::array<std::byte, entry_bytes> entry;
    store<4>(entry.data(), pos);
    store<4>(entry.data() + 4, frame.stored);
    store<8>(entry.data() + 8, frame.info.ino);
    store<8>(entry.data() + 16, frame.info.idx);
    store<4>(entry.data() + 24, frame.info.off);
    store<4>(entry.data() + 28, frame.decoded);
    store<8>(entry.data() + 32, frame.check);
    entries_.insert(entries_.end(), entry.begin(), entry.end());

    pieces_.push_back(std::move(frame.header));
    for (Buffer& piece : frame.body)
        if (!piece.empty()) pieces_.push_back(std::move(piece));
    frame_bytes_ += frame.stored;
    return pos;
}

std::vector<Buffer> SegmentBuilder::finish() {
    std::vector<std::byte> footer = std::exchange(entries_, {});
    const std::size_t trailer = footer.size();
    footer.resize(trailer + trailer_bytes);
    std::byte* const to = footer.data() + trailer;
    store<8>(to, id_);
    store<8>(to + 8, frame_bytes_);
    store<4>(to + 16, trailer / entry_bytes);
    store<3>(to + 20, magic);
    store<1>(to + 23, format);
    const auto checked = ByteView(footer).first(trailer + checked_bytes);
    store<8>(to + 24, Hash().add(checked).value());

    frame_bytes_ = 0;
    std::vector<Buffer> pieces = std::exchange(pieces_, {});
    pieces.push_back(Buffer::take(std::move(footer)));
    return pieces;
}

Result<std::size_t> footer_size(ByteView tail) {
    TRY(const Trailer trailer, parse_trailer(tail));
    return trailer.count * entry_bytes + trailer_bytes;
}

Result<Footer> parse_footer(ByteView tail, std::uint64_t segment_bytes) {
    TRY(const Trailer trailer, parse_trailer(tail));
    const std::size_t bytes = trailer.count * entry_bytes + trailer_bytes;
    if (segment_bytes > segment_bytes_max || segment_bytes < bytes ||
        trailer.frame_bytes != segment_bytes - bytes)
        return damaged(fmt::format("{} frames of {} bytes do not add up to a segment of {}",
                                   trailer.count, trailer.frame_bytes, segment_bytes));
    if (tail.size() < bytes)
        return damaged(fmt::format("only {} of its {} bytes exist", tail.size(), bytes));
    const ByteView footer = tail.last(bytes);
    if (Hash().add(footer.first(bytes - trailer_bytes + checked_bytes)).value() != trailer.check)
        return damaged("its checksum is wrong");

    Footer parsed{.id = trailer.id};
    parsed.entries.reserve(trailer.count);
    std::uint64_t end = 0;
    for (std::size_t n = 0; n < trailer.count; ++n) {
        const SegmentEntry entry = parse_entry(footer.data() + n * entry_bytes);
        if (entry.pos != end || entry.stored <= header_bytes || entry.stored > frame_bytes_max ||
            entry.decoded == 0 || entry.decoded > decoded_bytes_max)
            return damaged(fmt::format("entry {} is impossible", n));
        end += entry.stored;
        parsed.entries.push_back(entry);
    }
    if (end != trailer.frame_bytes) return damaged("its entries leave bytes out");
    return parsed;
}

std::string segment_key(std::string_view volume, SegmentId id) {
    return fmt::format("{}/{:02x}/{:016x}", volume, spread_of(id), id);
}

std::optional<SegmentId> segment_of_key(std::string_view volume, std::string_view key) {
    constexpr std::size_t digits = 16;
    if (key.size() < digits) return {};
    const auto name = key.substr(key.size() - digits);
    SegmentId id = 0;
    if (std::from_chars(name.data(), name.data() + digits, id, 16).ptr != name.data() + digits)
        return {};
    if (key != segment_key(volume, id)) return {};
    return id;
}

}  // namespace flexfs::block
