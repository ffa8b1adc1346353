// One flag or argument of a command: what it is called, where its value goes, what help says.
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

// Where a value from the command line goes. `set` answers EINVAL with a sentence that says what
// would be right; what it writes to must outlive it.
struct Target {
    std::string hint;  // "SIZE"; empty: a switch, whose set() gets "true" or "false"
    std::function<Result<void>(std::string_view)> set;
};

// A switch: `into` becomes `value` when it is given, the opposite for --flag=false.
Target sets(bool& into, bool value = true);
Target text(std::string& into, std::string hint);
// Collects every occurrence.
Target texts(std::vector<std::string>& into, std::string hint);
// One of the words; help shows them.
Target choice(std::string& into, std::vector<std::string> words);
Target duration(Duration& into);
// An octal number up to 0777.
Target octal_mode(std::uint32_t& into);

struct Range {
    std::uint64_t least = 0;
    std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
};

namespace detail {
Result<std::uint64_t> number_within(std::string_view text, Range range);
Result<std::uint64_t> size_within(std::string_view text, std::uint64_t whole, Range range);

template <class T>
concept Unsigned = std::unsigned_integral<T> || std::same_as<T, std::optional<std::uint64_t>> ||
                   std::same_as<T, std::optional<std::uint32_t>>;
}  // namespace detail

// A whole number. `range` must fit into T.
template <detail::Unsigned T>
Target number(T& into, Range range = {}, std::string hint = "N") {
    return {std::move(hint), [&into, range](std::string_view value) -> Result<void> {
                TRY(auto parsed, detail::number_within(value, range));
                into = static_cast<std::uint64_t>(parsed);
                return {};
            }};
}

// Bytes; "5%" is of `whole`, where that is not 0. `range` must fit into T.
template <detail::Unsigned T>
Target size(T& into, std::uint64_t whole = 0, Range range = {}) {
    return {"SIZE", [&into, whole, range](std::string_view value) -> Result<void> {
                TRY(auto parsed, detail::size_within(value, whole, range));
                into = parsed;
                return {};
            }};
}

struct Flag {
    std::string names;  // as help shows them: "--memCapacity", "-f, --foreground", "-o"
    Target target;
    std::string help;        // one sentence without a full stop; empty: help does not show the flag
    std::string group = {};  // help puts flags of one group under this heading
    std::vector<std::string> excludes = {};  // "--acl": a command line has one of them only
};

struct Argument {
    std::string name;  // "DIR"
    Target target;
    std::string help;
    bool required = true;
};

// The name after "--"; empty when the flag has only a letter.
std::string_view long_name(const Flag& flag);

// Sets a flag by its long name, as a list of mount options does: `value` is nothing for a bare
// word. EINVAL: no such flag (the sentence names the nearest), a value missing, not wanted or
// wrong.
Result<void> set_option(std::span<const Flag> flags, std::string_view name,
                        std::optional<std::string_view> value);

}  // namespace flexfs::cli
