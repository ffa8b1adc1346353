// Checks a URL, and the other parts of a request that libcurl would not check.
#pragma once

#include <string>

#include "lib/base/result.h"
#include "lib/http/message.h"

namespace flexfs::http {

// Returns the host of the request's URL, with its port if the URL names one: all of a URL that an
// error may show. EINVAL with a sentence if the URL is not an absolute one of http or https, or
// contains a user or a fragment; if the method is unknown; if a header could not be sent as it is.
Result<std::string> target_of(const Request& request);

}  // namespace flexfs::http
