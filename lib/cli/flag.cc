#include "lib/cli/flag.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "lib/cli/suggest.h"

namespace flexfs::cli {

Target sets(bool& into, bool value) {
    return {"", [&into, value](std::string_view given) -> Result<void> {
                if (given != "true" && given != "false")
                    return fail(EINVAL, fmt::format("'{}' is neither true nor false", given));
                into = value == (given == "true");
                return {};
            }};
}

Target text(std::string& into, std::string hint) {
    return {std::move(hint), [&into](std::string_view value) -> Result<void> {
                if (value.empty()) return fail(EINVAL, "the value is empty");
                into = value;
                return {};
            }};
}

Target texts(std::vector<std::string>& into, std::string hint) {
    return {std::move(hint), [&into](std::string_view value) -> Result<void> {
                into.emplace_back(value);
                return {};
            }};
}

Target choice(std::string& into, std::vector<std::string> words) {
    std::string hint = fmt::format("{}", fmt::join(words, "|"));
    return {
        std::move(hint), [&into, words = std::move(words)](std::string_view value) -> Result<void> {
            if (std::ranges::find(words, value) == words.end())
                return fail(EINVAL,
                            fmt::format("'{}' is not one of {}", value, fmt::join(words, ", ")));
            into = value;
            return {};
        }};
}

Target duration(Duration& into) {
    return {"DURATION", [&into](std::string_view value) -> Result<void> {
                TRY(into, parse_duration(value));
                return {};
            }};
}

Target octal_mode(std::uint32_t& into) {
    return {"MODE", [&into](std::string_view value) -> Result<void> {
                std::uint32_t mode = 0;
                const char* end = value.data() + value.size();
                auto [stop, problem] = std::from_chars(value.data(), end, mode, 8);
                if (value.empty() || problem != std::errc{} || stop != end || mode > 0777)
                    return fail(EINVAL, fmt::format("'{}' is not an octal mode such as 022 or 0077",
                                                    value));
                into = mode;
                return {};
            }};
}

namespace detail {

Result<std::uint64_t> number_within(std::string_view text, Bounds bounds) {
    TRY(auto parsed, parse_number(text));
    if (parsed >= bounds.least && parsed <= bounds.most) return parsed;
    if (bounds.most == Bounds{}.most)
        return fail(EINVAL, fmt::format("{} is too small; the minimum is {}", text, bounds.least));
    return fail(EINVAL, fmt::format("{} is not from {} to {}", text, bounds.least, bounds.most));
}

Result<std::uint64_t> size_within(std::string_view text, std::uint64_t whole, Bounds bounds) {
    TRY(auto parsed, parse_size(text, whole));
    if (parsed >= bounds.least && parsed <= bounds.most) return parsed;
    if (bounds.most == Bounds{}.most)
        return fail(EINVAL, fmt::format("{} is too small; the minimum is {}", text,
                                        format_size(bounds.least)));
    return fail(EINVAL, fmt::format("{} is not from {} to {}", text, format_size(bounds.least),
                                    format_size(bounds.most)));
}

}  // namespace detail

std::string_view long_name(const Flag& flag) {
    const auto dashes = flag.names.find("--");
    if (dashes == std::string::npos) return {};
    return std::string_view(flag.names).substr(dashes + 2);
}

Result<void> set_option(std::span<const Flag> flags, std::string_view name,
                        std::optional<std::string_view> value) {
    std::vector<Synonym> names;
    for (const Flag& flag : flags) {
        const auto candidate = long_name(flag);
        if (candidate.empty()) continue;
        if (candidate != name) {
            if (flag.help.empty()) continue;
            names.push_back({candidate, candidate});
            for (const std::string& synonym : flag.synonyms) names.push_back({synonym, candidate});
            continue;
        }
        if (!value && !flag.target.hint.empty())
            return fail(EINVAL,
                        fmt::format("option '{0}' needs a value: {0}={1}", name, flag.target.hint));
        if (auto set = flag.target.set(value.value_or("true")); !set)
            return fail(EINVAL, fmt::format("option '{}': {}", name, set.error().context));
        return {};
    }
    std::string sentence = fmt::format("unknown option '{}'", name);
    if (auto meant = nearest(name, names)) sentence += fmt::format("; did you mean '{}'?", *meant);
    return fail(EINVAL, sentence);
}

}  // namespace flexfs::cli
