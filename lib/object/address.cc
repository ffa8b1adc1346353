#include "lib/object/address.h"

#include <algorithm>
#include <cctype>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/object/address_options.h"

namespace flexfs::object {
namespace {

struct Scheme {
    std::string_view name;
    Address::Kind kind;
};
constexpr Scheme schemes[] = {{"file", Address::Kind::file}, {"memory", Address::Kind::memory},
                              {"s3", Address::Kind::s3},     {"gs", Address::Kind::gs},
                              {"oci", Address::Kind::oci},   {"azure", Address::Kind::azure}};

constexpr std::size_t bucket_bytes_min = 3, bucket_bytes_max = 63;
// Leaves room for the names that flexfs puts behind it in a key.
constexpr std::size_t prefix_bytes_max = 512;

std::unexpected<Error> wrong(std::string sentence) {
    return fail(EINVAL, std::move(sentence));
}

bool is_path(std::string_view text) {
    return text == "." || text == ".." || text.starts_with('/') || text.starts_with("./") ||
           text.starts_with("../");
}

// Returns "file" for "file:///x", in lower case, or nothing if the text has no scheme. A single
// letter is not a scheme, so that C: is not taken for one.
std::string scheme_of(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || colon < 2) return {};
    std::string name(text.substr(0, colon));
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return char(std::tolower(c)); });
    const auto allowed = "abcdefghijklmnopqrstuvwxyz0123456789+.-";
    return name.find_first_not_of(allowed) == std::string::npos ? name : std::string{};
}

// Parses the part after "file:", which is ///path, /path, or ./path.
Result<std::string> parse_folder(std::string_view rest) {
    auto path = rest;
    if (path.starts_with("//")) path.remove_prefix(2);
    if (!is_path(path))
        return wrong(fmt::format("'file:{}' names no folder; write file:///path", rest));
    return percent_decoded(path);
}

Result<void> check_bucket(std::string_view scheme, std::string_view bucket) {
    if (bucket.find_first_of("@:") != std::string_view::npos)
        return wrong(
            fmt::format("an address names no user, secret or host before its bucket; "
                        "write {0}://BUCKET/PREFIX, with ?endpoint=https://HOST for a "
                        "server of your own, and keep secrets in a creds file "
                        "(--credsFile) or in the environment",
                        scheme));
    if (bucket.empty())
        return wrong(fmt::format("'{0}:' names no bucket; write {0}://BUCKET/PREFIX", scheme));
    const auto allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (bucket.size() < bucket_bytes_min || bucket.size() > bucket_bytes_max ||
        bucket.find_first_not_of(allowed) != std::string_view::npos || bucket.front() == '.' ||
        bucket.front() == '-')
        return wrong(
            fmt::format("'{}' is not the name of a bucket; it has 3 to 63 letters, "
                        "digits, dots and dashes",
                        bucket));
    return {};
}

// Parses the part after "s3:", which is //bucket/prefix.
Result<void> parse_bucket(std::string_view scheme, std::string_view rest, Address& address) {
    if (rest.starts_with("//")) rest.remove_prefix(2);
    else if (!rest.empty())
        return wrong(fmt::format("'{0}:{1}' names no bucket; write {0}://BUCKET/PREFIX", scheme,
                                 rest.find('@') == std::string_view::npos ? rest : "…"));
    const auto slash = std::min(rest.find('/'), rest.size());
    TRY(check_bucket(scheme, rest.substr(0, slash)));
    address.bucket = rest.substr(0, slash);
    TRY(std::string prefix, percent_decoded(rest.substr(slash)));
    while (prefix.starts_with('/')) prefix.erase(0, 1);
    while (prefix.ends_with('/')) prefix.pop_back();
    if (!prefix.empty() && (prefix.size() > prefix_bytes_max || !check_key(prefix)))
        return wrong(
            fmt::format("'{}' is not a prefix for objects; it has names of at most 255 "
                        "bytes that do not begin with a dot, with one slash between "
                        "them, and {} bytes at most",
                        prefix.substr(0, prefix_bytes_max), prefix_bytes_max));
    address.prefix = std::move(prefix);
    return {};
}

}  // namespace

std::string Address::without_options() const {
    const auto scheme = std::ranges::find(schemes, kind, &Scheme::kind);
    if (kind == Kind::memory) return "memory:";
    if (kind == Kind::file) return folder;
    return fmt::format("{}://{}{}{}", scheme->name, bucket, prefix.empty() ? "" : "/", prefix);
}

std::string Address::file_name() const {
    // A file name has at most 255 bytes.
    constexpr std::size_t readable_bytes_max = 200;
    std::string host = settings.endpoint;
    host.erase(0, host.find("//") == std::string::npos ? 0 : host.find("//") + 2);
    while (host.ends_with('/')) host.pop_back();
    std::string name =
        fmt::format("{}:{}{}{}:{}", std::ranges::find(schemes, kind, &Scheme::kind)->name, host,
                    host.empty() ? "" : ":", bucket, prefix);
    if (prefix.empty()) name.pop_back();
    if (name.size() > readable_bytes_max) {
        const std::size_t hash = std::hash<std::string>()(name);
        name = fmt::format("{}-{:016x}", name.substr(0, readable_bytes_max), hash);
    }
    std::ranges::replace(name, '/', ':');
    return name;
}

bool is_address(std::string_view text) {
    return is_path(text) || text.find('/') != std::string_view::npos || !scheme_of(text).empty();
}

Result<Address> parse_address(std::string_view text) {
    if (is_path(text)) return Address{.folder = std::string(text)};
    const std::string scheme = scheme_of(text);
    if (scheme.empty())
        return wrong(
            fmt::format("'{}' is not a store address; write a folder as ./{}, or "
                        "file:///path",
                        text, text));
    const auto known = std::ranges::find(schemes, scheme, &Scheme::name);
    if (known == std::end(schemes))
        return wrong(fmt::format(
            "there is no store of kind '{}:'; write a folder as ./folder or "
            "file:///path, or a bucket as s3://, gs://, oci:// or azure://BUCKET/PREFIX",
            scheme));

    const auto rest = text.substr(scheme.size() + 1);
    const auto question = std::min(rest.find('?'), rest.size());
    const auto where = rest.substr(0, question);
    Address address{.kind = known->kind};
    if (address.is_bucket()) {
        TRY(parse_bucket(scheme, where, address));
    } else if (address.kind == Address::Kind::file) {
        TRY(address.folder, parse_folder(where));
    } else if (!where.empty()) {
        return wrong(
            fmt::format("'{}' has a name, but a store in memory has none; write memory:", text));
    }
    TRY(parse_options(rest.substr(std::min(question + 1, rest.size())), address));
    return address;
}

}  // namespace flexfs::object
