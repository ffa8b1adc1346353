// A message names its fields by FLEXFS_FIELDS(a, b, c) inside the struct, in wire order. The order
// never changes, and fields are only appended: a decoder gives missing ones their default and skips
// unknown ones.
#pragma once

#include <tuple>

#define FLEXFS_FIELDS(...)                                      \
    auto fields() { return std::tie(__VA_ARGS__); }             \
    auto fields() const { return std::tie(__VA_ARGS__); }
#define FLEXFS_NO_FIELDS                                        \
    std::tuple<> fields() const { return {}; }
