#include "lib/base/text.h"

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>

#include "lib/base/format.h"

namespace flexfs {
namespace {

// A non-negative decimal number, then whatever follows it.
struct Quantity {
    double number;
    std::string_view unit;
};

Result<Quantity> parse_quantity(std::string_view text) {
    double number = 0;
    auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc{} || !std::isfinite(number) || number < 0) return fail(EINVAL);
    return Quantity{number, text.substr(std::size_t(end - text.data()))};
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text, std::uint64_t whole) {
    const auto wrong = [&] {
        return fail(EINVAL,
                    fmt::format("'{}' is not a size; write bytes, or a number with K, M, G, "
                                "T such as 4MiB{}",
                                text, whole ? ", or a share such as 5%" : ""));
    };
    auto quantity = parse_quantity(text);
    if (!quantity) return wrong();
    auto [number, unit] = *quantity;
    double bytes = 0;
    if (unit == "%" && whole != 0) {
        if (number > 100) return wrong();
        bytes = double(whole) * number / 100;
    } else if (unit.empty() || unit == "B") {
        bytes = number;
    } else {
        const auto power = std::string_view("KMGTP").find(char(std::toupper(unit[0])));
        const auto rest = unit.substr(1);
        if (power == std::string_view::npos ||
            !(rest.empty() || rest == "i" || rest == "iB" || rest == "B"))
            return wrong();
        bytes = number * std::pow(1024.0, double(power + 1));
    }
    if (bytes >= 9.2e18) return wrong();
    return static_cast<std::uint64_t>(bytes);
}

Result<Duration> parse_duration(std::string_view text) {
    if (text == "-1") return Duration::max();
    const auto wrong = [&] {
        return fail(
            EINVAL,
            fmt::format("'{}' is not a duration; write seconds, or a number with d, h, m, s, "
                        "ms or us such as 30m, or -1 for forever",
                        text));
    };
    auto quantity = parse_quantity(text);
    if (!quantity) return wrong();
    auto [number, unit] = *quantity;
    double seconds = unit.empty() || unit == "s" ? 1
                     : unit == "m"               ? 60
                     : unit == "h"               ? 3600
                     : unit == "d"               ? 86400
                     : unit == "ms"              ? 1e-3
                     : unit == "us"              ? 1e-6
                                                 : 0;
    if (seconds == 0 || number * seconds > 9e9) return wrong();
    return Duration(static_cast<std::int64_t>(number * seconds * 1e9));
}

Result<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t number = 0;
    auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc{} || end != text.data() + text.size() || text.empty())
        return fail(EINVAL, fmt::format("'{}' is not a whole number", text));
    return number;
}

std::string format_size(std::uint64_t bytes) {
    static constexpr const char* units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) return fmt::format("{} B", bytes);
    double number = double(bytes) / 1024;
    int unit = 0;
    while (number >= 999.5 && unit < 5) number /= 1024, ++unit;
    return number < 99.95 ? fmt::format("{:.1f} {}", number, units[unit])
                          : fmt::format("{:.0f} {}", number, units[unit]);
}

std::string format_duration(Duration span) {
    const double s = double(span.count()) / 1e9;
    if (s < 1e-3) return fmt::format("{:.0f} us", s * 1e6);
    if (s < 1) return fmt::format("{:.0f} ms", s * 1e3);
    if (s < 60) return fmt::format("{:.1f} s", s);
    const auto minutes = static_cast<std::int64_t>(s / 60);
    if (minutes < 60) return fmt::format("{}m {}s", minutes, static_cast<std::int64_t>(s) % 60);
    return fmt::format("{}h {}m", minutes / 60, minutes % 60);
}

Result<Time> parse_time(std::string_view text) {
    const auto wrong = [&] {
        return fail(EINVAL, fmt::format("'{}' is not a time such as 2025-01-31T23:59:59Z", text));
    };
    constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd";
    if (text.size() <= shape.size() || text.size() > 40) return wrong();
    for (std::size_t i = 0; i < shape.size(); ++i)
        if (shape[i] == 'd' ? !is_digit(text[i]) : shape[i] != std::toupper(text[i]))
            return wrong();
    const auto part = [&](std::size_t at, std::size_t size) {
        return *parse_number(text.substr(at, size));
    };
    const std::chrono::year_month_day day{std::chrono::year(int(part(0, 4))),
                                          std::chrono::month(unsigned(part(5, 2))),
                                          std::chrono::day(unsigned(part(8, 2)))};
    const auto hour = part(11, 2), minute = part(14, 2), second = part(17, 2);
    if (!day.ok() || hour > 23 || minute > 59 || second > 60) return wrong();
    std::string_view rest = text.substr(shape.size());
    std::int64_t ns = 0;
    if (rest.starts_with('.')) {
        rest.remove_prefix(1);
        std::int64_t unit = 100'000'000;
        if (!is_digit(rest.empty() ? ' ' : rest[0])) return wrong();
        for (; !rest.empty() && is_digit(rest[0]); rest.remove_prefix(1), unit /= 10)
            ns += (rest[0] - '0') * unit;
    }
    std::int64_t offset = 0;
    if (rest != "Z" && rest != "z") {
        if (rest.size() != 6 || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':')
            return wrong();
        auto hours = parse_number(rest.substr(1, 2)), minutes = parse_number(rest.substr(4, 2));
        if (!hours || !minutes || *hours > 23 || *minutes > 59) return wrong();
        offset = std::int64_t(*hours * 60 + *minutes) * (rest[0] == '-' ? -60 : 60);
    }
    const std::int64_t days = std::chrono::sys_days(day).time_since_epoch().count();
    const std::int64_t seconds =
        days * 86400 + std::int64_t(hour * 3600 + minute * 60 + second) - offset;
    if (seconds < -9'223'372'036 || seconds > 9'223'372'035) return wrong();  // the range of Time
    return seconds * 1'000'000'000 + ns;
}

std::string format_time(Time time) {
    const auto at =
        std::chrono::floor<std::chrono::seconds>(std::chrono::sys_time<Duration>(Duration(time)));
    const auto midnight = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day day(midnight);
    const std::chrono::hh_mm_ss clock(at - midnight);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", int(day.year()),
                       unsigned(day.month()), unsigned(day.day()), clock.hours().count(),
                       clock.minutes().count(), clock.seconds().count());
}

std::string escape_octal(std::string_view text, std::string_view chars) {
    std::string out;
    for (char c : text)
        if (c == '\\' || chars.contains(c))
            out += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
        else out += c;
    return out;
}

std::string unescape_octal(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto digits = text.substr(i + 1, 3);
        unsigned code = 0;
        const bool escaped =
            text[i] == '\\' && digits.size() == 3 &&
            std::from_chars(digits.begin(), digits.end(), code, 8).ptr == digits.end() &&
            code < 256;
        out += escaped ? static_cast<char>(code) : text[i];
        if (escaped) i += 3;
    }
    return out;
}

}  // namespace flexfs
