// Random identifiers (RFC 4122, version 4): volume ids and tokens.
#pragma once

#include <string>
#include <string_view>

namespace flexfs {

// Returns "1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b", made from the kernel's random source.
std::string make_uuid();
bool is_uuid(std::string_view text);

}  // namespace flexfs
