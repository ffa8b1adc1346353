#include "lib/upkeep/segment_reader.h"

#include <cerrno>

#include "lib/base/format.h"

namespace flexfs::upkeep {
namespace {

constexpr std::uint64_t gap_bytes = 64 << 10;  // smaller gaps are fetched along

}  // namespace

Task<Buffer> read_part(object::Store& store, std::string key, std::uint64_t offset,
                       std::uint64_t size, bool& store_failed) {
    auto got = co_await result(store.get(std::move(key), offset, size));
    store_failed = !got && got.error().code != ENOENT && got.error().code != ERANGE;
    if (got && got->size() != size) co_return fail(EIO, "the store returned only a part of it");
    co_return std::move(got);
}

Task<block::Footer> read_footer(object::Store& store, std::string key, block::SegmentId id,
                                std::uint64_t bytes, bool& store_failed) {
    if (bytes < block::trailer_bytes) co_return fail(EIO, "it is too short");
    const Buffer trailer = co_await read_part(store, key, bytes - block::trailer_bytes,
                                              block::trailer_bytes, store_failed);
    const std::size_t size = co_await block::footer_size(trailer);
    if (size > bytes) co_return fail(EIO, "its footer is longer than the segment");
    const Buffer tail = co_await read_part(store, key, bytes - size, size, store_failed);
    block::Footer footer = co_await block::parse_footer(tail, bytes);
    if (footer.id != id)
        co_return fail(EIO, fmt::format("its footer is that of segment {}", footer.id));
    co_return footer;
}

Run next_run(const std::vector<block::SegmentEntry>& entries, std::size_t at, std::uint64_t bytes) {
    const std::uint64_t begin = entries[at].pos;
    std::uint64_t end = begin + entries[at].stored;
    std::size_t next = at + 1;
    for (; next < entries.size(); ++next) {
        const block::SegmentEntry& entry = entries[next];
        if (entry.pos - end > gap_bytes || entry.pos + entry.stored - begin > bytes) break;
        end = entry.pos + entry.stored;
    }
    return {next, begin, end - begin};
}

}  // namespace flexfs::upkeep
