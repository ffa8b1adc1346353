#include "lib/object/address.h"

#include <cerrno>
#include <charconv>

#include "lib/base/format.h"
#include "lib/base/text.h"
#include "lib/object/file_store.h"
#include "lib/object/memory_store.h"
#include "lib/object/retrying.h"

namespace flexfs::object {
namespace {

struct Scheme {
    std::string_view name;
    Address::Kind kind;
};
constexpr Scheme schemes[] = {{"file", Address::Kind::file}, {"memory", Address::Kind::memory}};

struct Chance {
    std::string_view name;
    double Faults::* value;
};
constexpr Chance chances[] = {{"errors", &Faults::errors},
                              {"stall", &Faults::stall},
                              {"truncate", &Faults::truncate},
                              {"lies", &Faults::lies}};

std::unexpected<Error> wrong(std::string sentence) {
    return fail(EINVAL, std::move(sentence));
}

bool is_path(std::string_view text) {
    return text == "." || text == ".." || text.starts_with('/') || text.starts_with("./") ||
           text.starts_with("../");
}

// Returns "file" for "file:///x", or nothing if the text has no scheme. A single letter is not a
// scheme, so that C: is not taken for one.
std::string_view scheme_of(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || colon < 2) return {};
    const auto name = text.substr(0, colon);
    const auto allowed = "abcdefghijklmnopqrstuvwxyz0123456789+.-";
    return name.find_first_not_of(allowed) == std::string_view::npos ? name : std::string_view{};
}

Result<double> parse_probability(std::string_view name, std::string_view text) {
    double value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc{} || end != text.data() + text.size() || !(value >= 0 && value <= 1))
        return wrong(
            fmt::format("'{}' is not a probability; write {}=0.01 or another number from "
                        "0 to 1",
                        text, name));
    return value;
}

Result<void> parse_option(std::string_view option, Faults& faults) {
    const auto equals = option.find('=');
    const auto name = option.substr(0, equals);
    const auto value =
        equals == std::string_view::npos ? std::string_view{} : option.substr(equals + 1);
    for (const Chance& chance : chances) {
        if (name != chance.name) continue;
        TRY(faults.*chance.value, parse_probability(name, value));
        return {};
    }
    if (name == "latency") {
        TRY(faults.latency, parse_duration(value));
        if (faults.latency <= std::chrono::hours(1)) return {};
        return wrong(fmt::format("a latency of '{}' is too long; the maximum is an hour", value));
    }
    if (name == "seed") {
        TRY(faults.seed, parse_number(value));
        return {};
    }
    return wrong(
        fmt::format("unknown option '{}' of a store address; the options are latency=20ms, "
                    "errors=0.01, stall=0.001, truncate=0.001, lies=0.001 and seed=1",
                    name));
}

Result<Faults> parse_options(std::string_view options) {
    Faults faults;
    while (!options.empty()) {
        const auto end = std::min(options.find('&'), options.size());
        TRY(parse_option(options.substr(0, end), faults));
        options.remove_prefix(std::min(end + 1, options.size()));
    }
    return faults;
}

Result<std::string> percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            decoded += text[at];
            continue;
        }
        const auto digits = text.substr(at + 1, 2);
        unsigned char byte = 0;
        const auto end = digits.data() + digits.size();
        if (digits.size() != 2 || std::from_chars(digits.data(), end, byte, 16).ptr != end ||
            byte == 0)
            return wrong(
                fmt::format("'%{}' in '{}' is not a valid escape; write %25 for a percent "
                            "sign",
                            digits, text));
        decoded += char(byte);
        at += 2;
    }
    return decoded;
}

// Parses the part after "file:", which is ///path, /path, or ./path.
Result<std::string> parse_folder(std::string_view rest) {
    auto path = rest;
    if (path.starts_with("//")) path.remove_prefix(2);
    if (!is_path(path))
        return wrong(fmt::format("'file:{}' names no folder; write file:///path", rest));
    return percent_decoded(path);
}

}  // namespace

bool is_address(std::string_view text) {
    return is_path(text) || text.find('/') != std::string_view::npos || !scheme_of(text).empty();
}

Result<Address> parse_address(std::string_view text) {
    if (is_path(text)) return Address{Address::Kind::file, std::string(text), {}};
    const auto scheme = scheme_of(text);
    if (scheme.empty())
        return wrong(
            fmt::format("'{}' is not a store address; write a folder as ./{}, or "
                        "file:///path",
                        text, text));
    const Scheme* known = nullptr;
    for (const Scheme& row : schemes)
        if (row.name == scheme) known = &row;
    if (!known)
        return wrong(
            fmt::format("this version of flexfs has no store of kind '{}:'; it keeps data "
                        "in a folder: write ./folder or file:///path",
                        scheme));

    const auto rest = text.substr(scheme.size() + 1);
    const auto question = std::min(rest.find('?'), rest.size());
    const auto where = rest.substr(0, question);
    Address address{.kind = known->kind};
    if (known->kind == Address::Kind::file) {
        TRY(address.folder, parse_folder(where));
    } else if (!where.empty()) {
        return wrong(
            fmt::format("'{}' has a name, but a store in memory has none; write memory:", text));
    }
    TRY(address.faults, parse_options(rest.substr(std::min(question + 1, rest.size()))));
    return address;
}

Result<std::unique_ptr<Store>> open_store(Loop& loop, const Address& address) {
    std::unique_ptr<Store> store;
    if (address.kind == Address::Kind::memory) {
        store = std::make_unique<MemoryStore>();
    } else {
        TRY(store, FileStore::open(loop, address.folder));
    }
    if (address.faults.any())
        store = std::make_unique<Faulty>(loop, std::move(store), address.faults);
    return std::make_unique<Retrying>(loop, std::move(store));
}

Result<std::unique_ptr<Store>> open_store(Loop& loop, std::string_view text) {
    TRY(const Address address, parse_address(text));
    return open_store(loop, address);
}

}  // namespace flexfs::object
