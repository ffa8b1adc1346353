// The flags and arguments of a command: names, targets of the values, and help.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/format.h"
#include "lib/base/result.h"
#include "lib/base/text.h"

namespace flexfs::cli {

// The destination of a value from the command line. `set` returns EINVAL with a sentence that
// describes a valid value; what it writes to must outlive it.
struct Target {
    std::string hint;  // "SIZE"; empty: a switch, whose set() gets "true" or "false"
    std::function<Result<void>(std::string_view)> set;
};

// A switch: sets `into` to `value`, or to the opposite with --flag=false.
Target sets(bool& into, bool value = true);
Target text(std::string& into, std::string hint);
// Collects every occurrence of the flag.
Target texts(std::vector<std::string>& into, std::string hint);
// Accepts one of the words; help shows them.
Target choice(std::string& into, std::vector<std::string> words);
Target duration(Duration& into);
// Accepts an octal number up to 0777.
Target octal_mode(std::uint32_t& into);

struct Bounds {
    std::uint64_t least = 0;
    std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
};

namespace detail {
Result<std::uint64_t> number_within(std::string_view text, Bounds bounds);
Result<std::uint64_t> size_within(std::string_view text, std::uint64_t whole, Bounds bounds);

template <class T>
concept Unsigned = std::unsigned_integral<T> || std::same_as<T, std::optional<std::uint64_t>> ||
                   std::same_as<T, std::optional<std::uint32_t>>;
}  // namespace detail

// Accepts a whole number. `bounds` must fit into T.
template <detail::Unsigned T>
Target number(T& into, Bounds bounds = {}, std::string hint = "N") {
    return {std::move(hint), [&into, bounds](std::string_view value) -> Result<void> {
                TRY(auto parsed, detail::number_within(value, bounds));
                into = static_cast<std::uint64_t>(parsed);
                return {};
            }};
}

// Accepts bytes, or a percentage of `whole` if that is not 0. `bounds` must fit into T.
template <detail::Unsigned T>
Target size(T& into, std::uint64_t whole = 0, Bounds bounds = {}) {
    return {"SIZE", [&into, whole, bounds](std::string_view value) -> Result<void> {
                TRY(auto parsed, detail::size_within(value, whole, bounds));
                into = parsed;
                return {};
            }};
}

struct Flag {
    std::string names;  // as help shows them: "--memCapacity", "-f, --foreground", "-o"
    Target target;
    std::string help;        // one sentence without a full stop; empty: help does not show the flag
    std::string group = {};  // help puts flags of one group under this heading
    std::vector<std::string> excludes = {};  // "--acl": a command line may have only one of them
    std::vector<std::string> synonyms = {};  // unknown words for which it is suggested: "readOnly"
};

struct Argument {
    std::string name;  // "DIR"
    Target target;
    std::string help;
    bool required = true;
};

// Returns the name after "--"; empty if the flag has only a letter.
std::string_view long_name(const Flag& flag);

// Sets a flag by its long name, as a list of mount options does; `value` is nothing for a bare
// word. EINVAL: there is no such flag (the sentence names the nearest), or its value is missing,
// superfluous or wrong.
Result<void> set_option(std::span<const Flag> flags, std::string_view name,
                        std::optional<std::string_view> value);

}  // namespace flexfs::cli
