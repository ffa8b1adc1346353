// Answers of services that issue credentials, none of which is trusted.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/json.h"
#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/http/client.h"

namespace flexfs::cloud {

// Sends the request and returns the body of a successful answer. `service` names the peer in
// sentences. EACCES: it refused (status 4xx); the sentence has the reason that the answer gives,
// without what was sent. EIO: any other status. Errors of http::Client get the service's name.
Task<std::string> ask(http::Client& client, http::Request request, std::string service);

// The same, for an answer in JSON. EIO with a sentence if it is no JSON object.
Task<Json> ask_for_json(http::Client& client, http::Request request, std::string service);

// EINVAL with a sentence.
Result<Json> parse_json_object(std::string_view text, std::string_view whose);

// Returns a field that must be there: text, not empty, without control characters, of at most
// 64 KiB. EIO with a sentence.
Result<std::string> text_field(const Json& object, const std::string& name, std::string_view whose);
// Returns the time that the field names, in RFC 3339. EIO if it is none, or is not after `now`.
Result<Time> expiry_field(const Json& object, const std::string& name, std::string_view whose,
                          Time now);
Result<Time> expiry_of(std::string_view text, std::string_view whose, Time now);
// The answer of an OAuth server to a request for a token: access_token with expires_in or
// expires_on, in seconds.
struct IssuedToken {
    std::string token;
    Time expires = 0;
};
Result<IssuedToken> token_of(const Json& answer, std::string_view whose, Time now);

// Returns true if the text can stand in a header: printable, without line breaks.
bool fits_header(std::string_view text);

// Makes a request that sends a form.
http::Request post_form(std::string url, std::string form);

}  // namespace flexfs::cloud
