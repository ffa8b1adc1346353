// A range of numbers, such as the bytes or the blocks of a file.
#pragma once

#include <cstdint>

namespace flexfs {

// The numbers [first, last): `last` is not included.
struct Range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    bool operator==(const Range&) const = default;
};

}  // namespace flexfs
