// The gate for nlohmann-json: values whose members keep the order in which they were set.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace flexfs {

using Json = nlohmann::ordered_json;

// Indents by two spaces and ends with a newline. Bytes that are not UTF-8 become U+FFFD.
inline std::string to_text(const Json& value) {
    return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace flexfs
