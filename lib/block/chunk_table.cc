#include "lib/block/chunk_table.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"

namespace flexfs::block {
namespace {

void append_number(std::string& to, std::uint32_t number) {
    for (; number >= 128; number >>= 7) to += char(number % 128 + 128);
    to += char(number);
}

// Removes a number from the front; returns UINT32_MAX if there is none below 2^28.
std::uint32_t take_number(std::string_view& from) {
    std::uint32_t number = 0;
    for (unsigned shift = 0; shift < 28 && !from.empty(); shift += 7) {
        const auto group = static_cast<unsigned char>(from.front());
        from.remove_prefix(1);
        number |= std::uint32_t{group & 127u} << shift;
        if (group < 128) return number;
    }
    return UINT32_MAX;
}

constexpr std::uint32_t tail = chunk_tail_bytes;
constexpr std::uint32_t raw_bytes = chunk_bytes + tail;
// The bytes that a frame has for each chunk besides its body.
constexpr std::uint32_t beside = chunk_entry_bytes + tail;

}  // namespace

Result<ChunkTable> ChunkTable::parse(std::uint32_t stored, std::string_view list) {
    const auto impossible = [&] {
        return fail(EIO, fmt::format("the extent's list of chunks does not fit a frame of {} bytes",
                                     stored));
    };
    if (stored <= header_bytes + beside || stored > frame_bytes_max) return impossible();
    const std::uint32_t content = stored - header_bytes;
    ChunkTable table;
    table.count_ = list.empty() ? (content + beside + chunk_bytes - 1) / (beside + chunk_bytes)
                                : take_number(list);
    if (table.count_ == 0 || table.count_ > chunks_max || content <= table.count_ * beside)
        return impossible();

    std::uint32_t at = header_bytes + table.count_ * chunk_entry_bytes;
    std::uint32_t number = 0;
    table.ends_[0] = at;
    const auto add = [&](std::uint32_t bytes) {
        at += bytes;
        table.ends_[++number] = at;
    };
    while (!list.empty()) {
        const std::uint32_t raw = take_number(list), body = take_number(list);
        if (raw >= table.count_ - number || body == 0 || body >= chunk_bytes) return impossible();
        for (std::uint32_t n = 0; n < raw; ++n) add(raw_bytes);
        add(body + tail);
    }
    while (number + 1 < table.count_) add(raw_bytes);
    if (number < table.count_) {
        if (stored <= at + tail || stored - at > raw_bytes) return impossible();
        add(stored - at);
    }
    if (at != stored) return impossible();
    return table;
}

std::string chunk_list(const std::vector<std::uint32_t>& compressed) {
    std::string list;
    if (compressed.size() < 2 || std::ranges::all_of(compressed, [](auto n) { return n == 0; }))
        return list;
    append_number(list, std::uint32_t(compressed.size()));
    std::uint32_t raw = 0;
    for (const std::uint32_t body : compressed) {
        if (body == 0) {
            ++raw;
            continue;
        }
        append_number(list, raw);
        append_number(list, body);
        raw = 0;
    }
    return list;
}

}  // namespace flexfs::block
