#include "lib/cloud/url.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace flexfs::cloud {
namespace {

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~").contains(c);
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::unexpected<Error> not_a_url() {
    return explain(EINVAL, "this is not a URL of the form https://HOST[:PORT]/PATH");
}

}  // namespace

Result<Url> split_url(std::string_view url) {
    Url parts;
    const auto colon = url.find("://");
    if (colon == std::string_view::npos) return not_a_url();
    parts.scheme = url.substr(0, colon);
    if (parts.scheme != "http" && parts.scheme != "https") return not_a_url();
    url.remove_prefix(colon + 3);
    const auto end_of_host = std::min(url.find_first_of("/?#"), url.size());
    parts.host = url.substr(0, end_of_host);
    if (parts.host.empty() || parts.host.contains('@')) return not_a_url();
    const std::string_view implied = parts.scheme == "http" ? ":80" : ":443";
    if (parts.host.ends_with(implied)) parts.host.resize(parts.host.size() - implied.size());
    url.remove_prefix(end_of_host);
    url = url.substr(0, url.find('#'));
    const auto question = std::min(url.find('?'), url.size());
    parts.path = url.substr(0, question);
    if (parts.path.empty()) parts.path = "/";
    if (question < url.size()) parts.query = url.substr(question + 1);
    return parts;
}

std::string escaped(std::string_view text) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string made;
    for (const char c : text) {
        if (is_unreserved(c)) {
            made += c;
            continue;
        }
        const auto byte = static_cast<std::uint8_t>(c);
        made += '%';
        made += digits[byte >> 4];
        made += digits[byte & 15];
    }
    return made;
}

std::string unescaped(std::string_view text) {
    std::string made;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const int high = text[at] == '%' && at + 2 < text.size() ? hex_value(text[at + 1]) : -1;
        const int low = high >= 0 ? hex_value(text[at + 2]) : -1;
        if (low < 0) {
            made += text[at];
            continue;
        }
        made += static_cast<char>(high << 4 | low);
        at += 2;
    }
    return made;
}

std::string form_of(const std::vector<std::pair<std::string, std::string>>& fields) {
    std::string form;
    for (const auto& [name, value] : fields) {
        if (!form.empty()) form += '&';
        form += escaped(name) + "=" + escaped(value);
    }
    return form;
}

std::vector<std::pair<std::string, std::string>> fields_of(std::string_view query) {
    std::vector<std::pair<std::string, std::string>> fields;
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const std::string_view field = query.substr(0, end);
        const auto equals = std::min(field.find('='), field.size());
        if (!field.empty())
            fields.emplace_back(unescaped(field.substr(0, equals)),
                                unescaped(field.substr(std::min(equals + 1, field.size()))));
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    return fields;
}

std::string lower_case(std::string_view text) {
    std::string made(text);
    for (char& c : made)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return made;
}

bool is_private(std::string_view url) {
    const auto parts = split_url(url);
    if (!parts) return false;
    if (parts->scheme == "https") return true;
    std::string_view host = parts->host;
    if (host.starts_with('[')) return host.starts_with("[::1]");
    host = host.substr(0, host.find(':'));
    const bool is_address = host.find_first_not_of("0123456789.") == std::string_view::npos;
    return host == "localhost" || (is_address && host.starts_with("127."));
}

}  // namespace flexfs::cloud
