// Text as HTTP and its URLs write it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/base/time.h"

namespace flexfs::object {

// Writes every byte except unreserved characters (RFC 3986) as %XX; '/' stays as it is in a path.
std::string escaped_path(std::string_view text);
std::string escaped_query(std::string_view text);
// Reads such text; '+' is a space, which some stores write so in their listings. EINVAL.
Result<std::string> unescaped(std::string_view text);

// Reads "Sun, 06 Nov 1994 08:49:37 GMT". EINVAL.
Result<Time> parse_http_date(std::string_view text);

// The value of a Content-Range header: "bytes 0-9/100", "bytes 0-9/*" or "bytes */100".
struct ContentRange {
    std::uint64_t begin = 0, end = 0;    // bytes [begin, end); empty if the range was refused
    std::optional<std::uint64_t> whole;  // length of the object
};
// Returns nothing if the text is not such a value.
std::optional<ContentRange> parse_content_range(std::string_view text);

}  // namespace flexfs::object
