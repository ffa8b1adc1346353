// Translates the ways in which libcurl ends a request into errno values and sentences.
#pragma once

#include <curl/curl.h>

#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/http/client.h"

namespace flexfs::http {

// `curl` ended with `code`, which is not CURLE_OK. `host` is target_of() its request; `detail` is
// what libcurl wrote into its error buffer. The buffer may contain a proxy's password, so only
// messages that come from OpenSSL are passed on.
Error trouble_of(CURL* curl, CURLcode code, std::string_view detail, const std::string& host,
                 const ClientOptions& options);

// The error of a phase that took longer than `limit`, for example "HOST did not answer".
Error too_slow(const std::string& what, Duration limit);

}  // namespace flexfs::http
