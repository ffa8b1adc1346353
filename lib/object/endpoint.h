// Where a provider of buckets listens.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace flexfs::object {

struct Endpoint {
    std::string scheme;  // "https" or "http"
    std::string host;    // with the port, if there is one: "localhost:9000", "[::1]:9000"
    std::string path;    // "/path", without a '/' at its end; may be empty

    // The host without the port.
    std::string_view name() const;
    // True for an IP address and for localhost, before which no name of a bucket can stand.
    bool is_literal() const;
    std::string text() const { return scheme + "://" + host + path; }
};

// Reads "https://host[:port][/path]". EINVAL with a sentence.
Result<Endpoint> parse_endpoint(std::string_view text);

}  // namespace flexfs::object
