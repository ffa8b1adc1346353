#include "lib/cli/suggest.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace flexfs::cli {
namespace {

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result) c = char(std::tolower(static_cast<unsigned char>(c)));
    return result;
}

// Returns the number of letters to add, drop, change or swap with their neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
    std::iota(above.begin(), above.end(), 0);
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] =
                std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before = std::exchange(above, row);
    }
    return above[b.size()];
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates) {
    const std::string wanted = lower(word);
    std::optional<std::string_view> best;
    std::size_t best_distance = std::max<std::size_t>(wanted.size() / 3, 1) + 1;
    std::optional<std::string_view> begun;
    std::size_t beginning = 0;
    for (std::string_view candidate : candidates) {
        const std::string against = lower(candidate);
        const std::size_t apart = distance(wanted, against);
        if (apart < best_distance) {
            best = candidate;
            best_distance = apart;
        }
        if (wanted.size() >= 3 && against.starts_with(wanted)) {
            begun = candidate;
            ++beginning;
        }
    }
    return best || beginning != 1 ? best : begun;
}

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const Synonym> candidates) {
    std::vector<std::string_view> words;
    for (const Synonym& candidate : candidates) words.push_back(candidate.word);
    const auto found = nearest(word, words);
    if (!found) return found;
    return std::ranges::find(candidates, *found, &Synonym::word)->meant;
}

}  // namespace flexfs::cli
