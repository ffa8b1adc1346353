// Checks answers to requests for a range or the length of an object.
#pragma once

#include <cstdint>
#include <optional>

#include "lib/base/result.h"
#include "lib/http/message.h"

namespace flexfs::object {

// Returns bytes [offset, offset + size) of the object; `size` is not 0. Accepts the whole object,
// too, if it contains them. ERANGE: the object ends before that. EIO, with a phrase: the answer is
// not what was asked for.
Result<Buffer> ranged_body(const http::Response& response, std::uint64_t offset, std::size_t size);

// Returns the length of the object from an answer to HEAD, or to a request for a range; nothing if
// it does not say.
std::optional<std::uint64_t> whole_length(const http::Response& response);

}  // namespace flexfs::object
