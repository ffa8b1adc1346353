// Reads and writes little-endian numbers of up to 8 bytes, for the formats of this folder.
#pragma once

#include <cstdint>
#include <cstring>

#include "lib/base/bytes.h"

namespace flexfs::block {

template <std::size_t bytes>
std::uint64_t load(const std::byte* from) {
    static_assert(bytes <= 8);
    std::uint64_t value = 0;
    std::memcpy(&value, from, bytes);  // every supported machine is little endian
    return value;
}

template <std::size_t bytes>
void store(std::byte* to, std::uint64_t value) {
    static_assert(bytes <= 8);
    std::memcpy(to, &value, bytes);
}

}  // namespace flexfs::block
