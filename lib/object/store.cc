#include "lib/object/store.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"

namespace flexfs::object {
namespace {

constexpr std::size_t name_bytes_max = 255;

bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= name_bytes_max && name.front() != '.';
}

}  // namespace

Task<std::vector<Buffer>> Store::get_ranges(std::string key, std::vector<ByteRange> ranges) {
    const std::uint64_t first = ranges.front().offset;
    const std::uint64_t last = ranges.back().offset + ranges.back().size;
    const Buffer all = co_await get(std::move(key), first, last - first);
    if (ranges.size() == 1) co_return std::vector<Buffer>{all};
    std::vector<Buffer> pieces;
    for (const ByteRange& range : ranges) {
        // A short answer gives short ranges; the caller, who knows the expected contents, reports
        // it.
        const std::size_t begin = std::min<std::size_t>(range.offset - first, all.size());
        const std::size_t size = std::min<std::size_t>(range.size, all.size() - begin);
        pieces.push_back(Buffer::copy_of(all.view().subspan(begin, size)));
    }
    co_return pieces;
}

Task<Versioned> Store::get_versioned(std::string) {
    co_return fail(EOPNOTSUPP);
}

Task<std::string> Store::put_if(std::string, Buffer, std::string) {
    co_return fail(EOPNOTSUPP);
}

Result<void> check_key(std::string_view key) {
    bool good = key.size() <= key_bytes_max && key.find('\0') == std::string_view::npos;
    for (std::size_t begin = 0; good;) {
        const auto end = key.find('/', begin);
        good = is_name(key.substr(begin, end - begin));
        if (end == std::string_view::npos) break;
        begin = end + 1;
    }
    if (good) return {};
    return fail(EINVAL,
                fmt::format("'{}' is not a valid object key", key.substr(0, key_bytes_max)));
}

}  // namespace flexfs::object
