#include "lib/base/uuid.h"

#include <sys/random.h>

#include <array>
#include <cctype>

#include "lib/base/bytes.h"
#include "lib/base/check.h"

namespace flexfs {

std::string make_uuid() {
    std::array<std::byte, 16> id;
    check(getrandom(id.data(), id.size(), 0) == ssize_t(id.size()));
    id[6] = (id[6] & std::byte{0x0f}) | std::byte{0x40};
    id[8] = (id[8] & std::byte{0x3f}) | std::byte{0x80};
    std::string text = to_hex(id);
    for (std::size_t dash : {20, 16, 12, 8}) text.insert(dash, "-");
    return text;
}

bool is_uuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !std::isxdigit(static_cast<unsigned char>(text[i])))
            return false;
    }
    return true;
}

}  // namespace flexfs
