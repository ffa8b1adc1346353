#include "lib/object/http_text.h"

#include <time.h>

#include <cerrno>
#include <charconv>
#include <limits>

#include "lib/base/format.h"
#include "lib/base/text.h"

namespace flexfs::object {
namespace {

constexpr Time second = 1'000'000'000;

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

std::string escaped(std::string_view text, bool slash_stays) {
    constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (is_unreserved(c) || (slash_stays && c == '/')) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += {'%', digits[byte >> 4], digits[byte & 15]};
        }
    }
    return out;
}

// Removes `start` from the beginning of the text; false if it does not begin so.
bool skip(std::string_view& text, std::string_view start) {
    if (!text.starts_with(start)) return false;
    text.remove_prefix(start.size());
    return true;
}

std::optional<std::uint64_t> skip_number(std::string_view& text) {
    std::uint64_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc{}) return std::nullopt;
    text.remove_prefix(std::size_t(end - text.data()));
    return value;
}

}  // namespace

std::string escaped_path(std::string_view text) {
    return escaped(text, true);
}

std::string escaped_query(std::string_view text) {
    return escaped(text, false);
}

Result<std::string> unescaped(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            out += text[at] == '+' ? ' ' : text[at];
            continue;
        }
        const auto digits = text.substr(at + 1, 2);
        unsigned char byte = 0;
        const auto end = digits.data() + digits.size();
        if (digits.size() != 2 || std::from_chars(digits.data(), end, byte, 16).ptr != end)
            return fail(EINVAL, "an escape is not valid");
        out += char(byte);
        at += 2;
    }
    return out;
}

Result<Time> parse_http_date(std::string_view text) {
    std::tm parts{};
    const std::string copy(text);
    const char* const end = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (!end || *end != '\0' || end != copy.data() + copy.size())
        return fail(EINVAL, fmt::format("'{}' is not a date of HTTP", text));
    const std::int64_t seconds = ::timegm(&parts);
    constexpr std::int64_t most = std::numeric_limits<Time>::max() / second;
    if (seconds < 0 || seconds > most)
        return fail(EINVAL, fmt::format("the date '{}' is out of range", text));
    return seconds * second;
}

std::optional<ContentRange> parse_content_range(std::string_view text) {
    ContentRange range;
    if (!skip(text, "bytes ")) return std::nullopt;
    if (!skip(text, "*")) {
        const auto first = skip_number(text);
        if (!first || !skip(text, "-")) return std::nullopt;
        const auto last = skip_number(text);
        if (!last || *last < *first || *last == UINT64_MAX) return std::nullopt;
        range.begin = *first;
        range.end = *last + 1;
    }
    if (!skip(text, "/")) return std::nullopt;
    if (skip(text, "*")) return text.empty() ? std::optional(range) : std::nullopt;
    range.whole = skip_number(text);
    if (!range.whole || !text.empty() || range.end > *range.whole) return std::nullopt;
    return range;
}

}  // namespace flexfs::object
