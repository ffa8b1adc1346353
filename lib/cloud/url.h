// URLs, and text as URLs and forms carry it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.h"

namespace flexfs::cloud {

struct Url {
    std::string scheme;  // http, https
    std::string host;    // as the Host header has it: without a port that the scheme implies
    std::string path;    // begins with a slash; escaped
    std::string query;   // after the question mark; escaped
};

// EINVAL with a sentence, which does not quote the URL.
Result<Url> split_url(std::string_view url);

// Writes every byte except unreserved characters (RFC 3986) as %XX.
std::string escaped(std::string_view text);
// Reads such text; what is no escape remains as it is.
std::string unescaped(std::string_view text);
// Returns application/x-www-form-urlencoded text: "a=1&b=2".
std::string form_of(const std::vector<std::pair<std::string, std::string>>& fields);
// Returns the fields of a query, unescaped, in their order.
std::vector<std::pair<std::string, std::string>> fields_of(std::string_view query);

std::string lower_case(std::string_view text);

// True for https, and for http on this machine: secrets may be sent there.
bool is_private(std::string_view url);

}  // namespace flexfs::cloud
