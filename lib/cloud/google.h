// Credentials for Google Cloud Storage: HMAC keys that were given, or OAuth tokens.
#pragma once

#include <memory>
#include <string>

#include "lib/cloud/context.h"
#include "lib/cloud/credentials.h"
#include "lib/cloud/signer.h"

namespace flexfs::cloud {

// Looks, in this order, at the identity (an HMAC key, or the key file of a service account), the
// file that GOOGLE_APPLICATION_CREDENTIALS names, the one that gcloud writes, and the metadata
// server.
std::unique_ptr<Source> google_credentials(Context& context, Identity identity);

struct ServiceAccount {
    std::string email;
    std::string key;     // PEM
    std::string key_id;  // may be empty
    std::string token_url;
};
// Returns the signed claim (a JSON Web Token) with which a service account asks for a token. EINVAL
// with a sentence.
Result<std::string> service_account_claim(const ServiceAccount& account, Time now);

}  // namespace flexfs::cloud
