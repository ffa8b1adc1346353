// Proofs of identity for Azure's Blob service: a shared key's signature
// (learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key), a shared access
// signature in the query, or a token.
#pragma once

#include <string>

#include "lib/base/time.h"
#include "lib/cloud/credentials.h"
#include "lib/http/message.h"

namespace flexfs::cloud {

inline constexpr const char* azure_version = "2021-12-02";

// Adds the date, the version if the request has none, and what the credentials give. EACCES with a
// sentence if these cannot be used; EINVAL if the URL is none.
Result<void> sign_as_azure(http::Request& request, const Credentials& credentials, Time now);

// Returns the text that an account key signs; for tests.
Result<std::string> azure_text_to_sign(const http::Request& request, const std::string& account);

// Returns "Fri, 26 Jun 2015 23:39:12 GMT".
std::string http_date(Time time);

}  // namespace flexfs::cloud
