#include "lib/object/address_options.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <vector>

#include "lib/base/format.h"
#include "lib/base/text.h"

namespace flexfs::object {
namespace {

struct Chance {
    std::string_view name;
    double Faults::* value;
};
constexpr Chance chances[] = {{"errors", &Faults::errors},
                              {"stall", &Faults::stall},
                              {"truncate", &Faults::truncate},
                              {"lies", &Faults::lies}};

// Other names under which people write a secret into an address.
constexpr std::string_view secret_names[] = {"secret",   "secretkey",       "accesskeysecret",
                                             "password", "accountkey",      "sas",
                                             "sig",      "secretaccesskey", "token"};

std::unexpected<Error> wrong(std::string sentence) {
    return fail(EINVAL, std::move(sentence));
}

std::string lower(std::string_view text) {
    std::string low(text);
    std::ranges::transform(low, low.begin(), [](unsigned char c) { return char(std::tolower(c)); });
    return low;
}

bool is_secret(std::string_view name) {
    const std::string low = lower(name);
    for (const conf::StoreSetting& row : conf::store_settings())
        if (row.secret && lower(row.key) == low) return true;
    return std::ranges::find(secret_names, low) != std::end(secret_names);
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

std::unexpected<Error> unknown(std::string_view name, const Address& address) {
    if (is_secret(name))
        return wrong(
            fmt::format("{} does not belong in an address, which other users can see; "
                        "keep it in a creds file (--credsFile) or in the environment",
                        name));
    std::string known;
    if (address.is_bucket())
        for (const conf::StoreSetting& row : conf::store_settings())
            if (!row.secret) known += fmt::format("{}, ", row.key);
    return wrong(
        fmt::format("unknown option '{}' of a store address; the options are {}latency=20ms, "
                    "errors=0.01, stall=0.001, truncate=0.001, lies=0.001 and seed=1",
                    name, known));
}

Result<void> parse_option(std::string_view name, std::string_view value, Address& address) {
    Faults& faults = address.faults;
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
    const conf::StoreSetting* const row = conf::find_store_setting(name);
    if (!row || row->secret || !address.is_bucket()) return unknown(name, address);
    TRY(const std::string decoded, percent_decoded(value));
    if (auto set = row->set(address.settings, decoded); !set)
        return wrong(fmt::format("the option {} of the address: {}", name, set.error().message()));
    return {};
}

}  // namespace

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

Result<void> parse_options(std::string_view options, Address& address) {
    std::vector<std::string_view> seen;
    while (!options.empty()) {
        const auto end = std::min(options.find('&'), options.size());
        const auto option = options.substr(0, end);
        const auto equals = std::min(option.find('='), option.size());
        const auto name = option.substr(0, equals);
        if (std::ranges::find(seen, name) != seen.end())
            return wrong(fmt::format("the address has the option {} twice", name));
        seen.push_back(name);
        TRY(parse_option(name, option.substr(std::min(equals + 1, option.size())), address));
        options.remove_prefix(std::min(end + 1, options.size()));
    }
    return {};
}

}  // namespace flexfs::object
