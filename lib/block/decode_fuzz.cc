// For libFuzzer: every decoder of this folder. Checksums are made right first, because random bytes
// would never pass them, and a hostile store can make them right as well.
#include <string>

#include "lib/base/check.h"
#include "lib/block/hash.h"
#include "lib/block/numbers.h"
#include "lib/block/segment.h"
#include "lib/block/small.h"

using namespace flexfs;
using namespace flexfs::block;

namespace {

void fuzz_frame(std::string bytes) {
    if (bytes.size() < header_bytes) return check(!decode_frame(Buffer::take(bytes), 0));
    bytes.replace(0, 4, "FXF\1");
    const ByteView view = as_bytes(bytes);
    const auto right = Hash().add(view.first(40)).add(view.subspan(header_bytes)).value();
    store<8>(reinterpret_cast<std::byte*>(bytes.data()) + 40, right);
    const auto decoded = decode_frame(Buffer::take(std::move(bytes)), right);
    check(!decoded || (!decoded->empty() && decoded->size() <= decoded_bytes_max));
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
    if (data[0] % 3 == 0) fuzz_frame(std::move(bytes));
    else if (data[0] % 3 == 1) fuzz_footer(std::move(bytes));
    else (void)unpack_small(Buffer::take(std::move(bytes)));
    return 0;
}
