// A libFuzzer target for every decoder of this folder. It corrects the checksums first, because
// random bytes would never pass them, and a hostile store can make correct ones, too.
#include <string>

#include "lib/base/check.h"
#include "lib/block/chunk_table.h"
#include "lib/block/hash.h"
#include "lib/block/numbers.h"
#include "lib/block/segment.h"
#include "lib/block/small.h"

using namespace flexfs;
using namespace flexfs::block;

namespace {

void fuzz_frame(std::string bytes, bool whole) {
    if (bytes.size() < header_bytes) return check(!decode_frame(Buffer::take(bytes), 0));
    bytes.replace(0, 4, whole ? "FXF\1" : "FXF\2");
    const ByteView view = as_bytes(bytes);
    std::size_t end = bytes.size();
    if (const auto header = parse_header(view); header && !whole)
        end = std::min(end, header->table_end());
    const auto right =
        Hash().add(view.first(40)).add(view.first(end).subspan(header_bytes)).value();
    store<8>(reinterpret_cast<std::byte*>(bytes.data()) + 40, right);
    if (const auto bodies = parse_table(as_bytes(bytes)))
        check(!bodies->empty() && chunk_list(*bodies).size() <= wire::chunk_list_bytes_max);
    const auto decoded = decode_frame(Buffer::take(std::move(bytes)), right);
    check(!decoded || (!decoded->empty() && decoded->size() <= decoded_bytes_max));
}

// Corrects the seal first.
void fuzz_chunk(std::string bytes) {
    if (bytes.size() > chunk_tail_bytes) {
        auto* const tail =
            reinterpret_cast<std::byte*>(bytes.data()) + bytes.size() - chunk_tail_bytes;
        const auto body = as_bytes(bytes).first(bytes.size() - chunk_tail_bytes);
        store<8>(tail + 4, chunk_seal({5, 1}, tail, hash_of(body)));
    }
    const auto decoded = decode_chunk(Buffer::take(std::move(bytes)), {5, 1});
    check(!decoded || (!decoded->empty() && decoded->size() <= chunk_bytes));
}

void fuzz_table(const std::string& bytes) {
    if (bytes.size() < 4) return;
    std::uint32_t stored = 0;
    std::memcpy(&stored, bytes.data(), 4);
    const auto table = ChunkTable::parse(stored, std::string_view(bytes).substr(4));
    if (!table) return;
    const auto last = table->place(table->count() - 1);
    check(last.pos + last.stored == stored);
}

void fuzz_footer(std::string bytes) {
    if (bytes.size() < trailer_bytes) return check(!parse_footer(as_bytes(bytes), bytes.size()));
    bytes.replace(bytes.size() - 12, 4, "FXS\1");
    const auto size = footer_size(as_bytes(bytes));
    if (size && *size <= bytes.size()) {
        const auto footer = as_bytes(bytes).last(*size);
        store<8>(reinterpret_cast<std::byte*>(bytes.data()) + bytes.size() - 8,
                 Hash().add(footer.first(*size - 8)).value());
    }
    const auto footer = parse_footer(as_bytes(bytes), bytes.size());
    if (!footer) return;
    for (const SegmentEntry& entry : footer->entries)
        check(entry.pos + std::uint64_t(entry.stored) <= bytes.size() - *size);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    if (size == 0) return 0;
    std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 6) {
        case 0: fuzz_frame(std::move(bytes), true); break;
        case 1: fuzz_footer(std::move(bytes)); break;
        case 2: (void)unpack_small(Buffer::take(std::move(bytes))); break;
        case 3: fuzz_frame(std::move(bytes), false); break;
        case 4: fuzz_chunk(std::move(bytes)); break;
        case 5: fuzz_table(bytes); break;
    }
    return 0;
}
