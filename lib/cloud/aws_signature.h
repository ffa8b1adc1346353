// Signature version 4 of AWS, in headers, as S3 and what is compatible with it demand:
// docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html. Google's XML API has it in
// two spellings; the one with x-goog-… is used for requests that have such headers, because Google
// refuses a mixture.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/time.h"
#include "lib/cloud/credentials.h"
#include "lib/http/message.h"

namespace flexfs::cloud {

// A signature is valid for these alone.
struct SignatureScope {
    Time time = 0;  // the provider accepts it for some 15 minutes
    std::string region;
    std::string service = "s3";
};

// Adds the date, the hash of the body if the service is S3, the session token if there is one, and
// the signature of everything: method, URL, the body's hash, and all headers that the request has.
// `body_hash` is the body's SHA-256 in hexadecimal. The URL is signed as services read it,
// whatever is escaped in it. EINVAL if it is none.
Result<void> sign_as_aws(http::Request& request, const Credentials& key,
                         const SignatureScope& scope, const std::string& body_hash);

// The first step of a signature, for tests: what is hashed, and the names in it.
struct CanonicalRequest {
    std::string text;
    std::string signed_headers;
};
Result<CanonicalRequest> canonical_request(const http::Request& request,
                                           const std::string& body_hash);

}  // namespace flexfs::cloud
