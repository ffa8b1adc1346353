#include "lib/http/message.h"

#include <strings.h>

#include <algorithm>

namespace flexfs::http {
namespace {

bool same_name(std::string_view a, std::string_view b) {
    return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

void Headers::add(std::string name, std::string value) {
    headers_.push_back({std::move(name), std::move(value)});
}

void Headers::set(std::string name, std::string value) {
    std::erase_if(headers_, [&name](const Header& header) { return same_name(header.name, name); });
    add(std::move(name), std::move(value));
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
    for (const Header& header : headers_)
        if (same_name(header.name, name)) return header.value;
    return std::nullopt;
}

}  // namespace flexfs::http
