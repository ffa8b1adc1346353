#include "lib/object/endpoint.h"

#include <cerrno>

#include "lib/base/format.h"
#include "lib/base/text.h"

namespace flexfs::object {
namespace {

constexpr std::string_view host_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
constexpr std::string_view path_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_~/";

std::unexpected<Error> wrong(std::string_view text) {
    return fail(EINVAL,
                fmt::format("'{}' is not an endpoint; write https://HOST or http://HOST:PORT",
                            text.substr(0, 200)));
}

bool is_port(std::string_view text) {
    const auto number = parse_number(text);
    return number && *number >= 1 && *number <= 65535;
}

// `host` may have a port.
bool is_host(std::string_view host) {
    if (host.starts_with('[')) {
        const auto end = host.find(']');
        if (end == std::string_view::npos || end < 3) return false;
        const auto address = host.substr(1, end - 1);
        if (address.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos)
            return false;
        const auto rest = host.substr(end + 1);
        return rest.empty() || (rest.starts_with(':') && is_port(rest.substr(1)));
    }
    const auto colon = host.find(':');
    const auto name = host.substr(0, colon);
    if (name.empty() || name.find_first_not_of(host_characters) != std::string_view::npos)
        return false;
    return colon == std::string_view::npos || is_port(host.substr(colon + 1));
}

}  // namespace

std::string_view Endpoint::name() const {
    const std::string_view whole = host;
    if (whole.starts_with('[')) return whole.substr(0, whole.find(']') + 1);
    return whole.substr(0, whole.find(':'));
}

bool Endpoint::is_literal() const {
    const auto plain = name();
    if (plain.starts_with('[') || plain == "localhost") return true;
    return plain.find_first_not_of("0123456789.") == std::string_view::npos;
}

Result<Endpoint> parse_endpoint(std::string_view text) {
    const auto colon = text.find("://");
    if (colon == std::string_view::npos) return wrong(text);
    Endpoint endpoint{.scheme = std::string(text.substr(0, colon))};
    if (endpoint.scheme != "https" && endpoint.scheme != "http") return wrong(text);
    const auto rest = text.substr(colon + 3);
    const auto slash = std::min(rest.find('/'), rest.size());
    endpoint.host = rest.substr(0, slash);
    endpoint.path = rest.substr(slash);
    while (endpoint.path.ends_with('/')) endpoint.path.pop_back();
    if (!is_host(endpoint.host) ||
        endpoint.path.find_first_not_of(path_characters) != std::string::npos)
        return wrong(text);
    return endpoint;
}

}  // namespace flexfs::object
