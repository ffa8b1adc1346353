// Proves to a bucket who is asking: adds to each request what the store's provider demands, from
// credentials that are refreshed before they expire.
#pragma once

#include <memory>
#include <string>

#include "lib/base/time.h"
#include "lib/http/client.h"
#include "lib/loop/loop.h"

namespace flexfs::cloud {

class Signer {
public:
    virtual ~Signer() = default;

    // Adds the headers that authenticate the request, which must be complete otherwise; a repeated
    // request is made and signed anew. Waits only if there are no valid credentials. EACCES with a
    // sentence that says where credentials were looked for, and why what was found cannot be used;
    // EIO, ETIMEDOUT, … if a source of credentials does not answer.
    virtual Task<void> sign(http::Request& request) = 0;
    // The provider refused the credentials as expired or unknown: the next sign() gets new ones,
    // if their source can have any. Returns false if it cannot.
    virtual bool renew() = 0;
    // The provider's clock, from the Date of an answer that refused a signature because of the
    // time. Later signatures use it.
    virtual void set_clock(Time provider_now) = 0;
    // Later signatures are for this region.
    virtual void set_region(std::string region) = 0;
    // Names the source of the credentials without any secret: "profile prod in
    // ~/.aws/credentials".
    virtual std::string describe() const = 0;
    // Ends a refresh that runs. The last call.
    virtual Task<void> close() = 0;
};

enum class Provider { aws, google, oracle, azure };

// Credentials as flags, the creds file and an address give them. An empty field is looked for in
// the provider's environment variables, files and metadata services, in the order of its own tools.
struct Identity {
    Provider provider = Provider::aws;
    std::string region;      // of signatures; AWS and S3 compatible stores
    std::string access_key;  // also an HMAC key of Google
    std::string secret_key;
    std::string session_token;
    std::string profile;      // in the shared configuration files
    std::string account;      // of Azure
    std::string account_key;  // of Azure
    std::string sas_token;    // of Azure
    std::string key_file;     // a service account's key, of Google
    bool anonymous = false;   // requests are not signed: a public bucket
};

// `client` must outlive the signer. Finds credentials at the first sign().
std::unique_ptr<Signer> make_signer(Loop& loop, http::Client& client, Identity identity);

// Returns the region that the environment, or the profile of the identity, names; empty if neither
// does.
std::string default_region(const Identity& identity);

}  // namespace flexfs::cloud
