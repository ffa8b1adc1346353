// Suggests the valid word that is nearest to an invalid one.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace flexfs::cli {

// Returns the candidate that differs from `word` least, if that is in at most one letter, or in a
// third of them (case does not count), or else the only one that begins with it. Returns nothing if
// none is near.
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates);

// A word that users may write, and the valid one that it stands for.
struct Synonym {
    std::string_view word, meant;
};
// As above, among words that are valid or stand for a valid one; returns the valid one.
std::optional<std::string_view> nearest(std::string_view word, std::span<const Synonym> candidates);

}  // namespace flexfs::cli
