// The part of an address after its question mark.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/object/address.h"

namespace flexfs::object {

// Reads "a=1&b=2" into `address`, whose kind decides which options there are. EINVAL with a
// sentence.
Result<void> parse_options(std::string_view options, Address& address);

// Decodes escapes such as %20. EINVAL.
Result<std::string> percent_decoded(std::string_view text);

}  // namespace flexfs::object
