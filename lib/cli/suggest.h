// The nearest valid word to one that is not.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace flexfs::cli {

// The candidate a typing mistake or two away from `word` (case does not count), or the only one
// that begins with it. Nothing when none is near.
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates);

}  // namespace flexfs::cli
