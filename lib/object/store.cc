#include "lib/object/store.h"

#include <cerrno>

#include "lib/base/format.h"

namespace flexfs::object {
namespace {

constexpr std::size_t name_bytes_max = 255;

bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= name_bytes_max && name.front() != '.';
}

}  // namespace

Result<void> check_key(std::string_view key) {
    bool good = key.size() <= key_bytes_max && key.find('\0') == std::string_view::npos;
    for (std::size_t begin = 0; good;) {
        const auto end = key.find('/', begin);
        good = is_name(key.substr(begin, end - begin));
        if (end == std::string_view::npos) break;
        begin = end + 1;
    }
    if (good) return {};
    return fail(EINVAL, fmt::format("'{}' is no key of an object", key.substr(0, key_bytes_max)));
}

}  // namespace flexfs::object
