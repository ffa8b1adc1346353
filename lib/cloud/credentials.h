// Credentials, and the sources from which they come.
#pragma once

#include <limits>
#include <string>

#include "lib/base/time.h"
#include "lib/task/task.h"

namespace flexfs::cloud {

inline constexpr Time never = std::numeric_limits<Time>::max();

struct Credentials {
    enum class Kind {
        none,         // requests are not signed
        key,          // of AWS, or an HMAC key of another provider that signs in its way
        token,        // OAuth
        account_key,  // Azure
        sas,          // Azure
    };
    Kind kind = Kind::none;
    std::string id;             // of the key, or the name of the account
    std::string secret;         // the key, the token, …
    std::string session_token;  // of AWS
    Time expires = never;
};

class Source {
public:
    virtual ~Source() = default;
    // EACCES with a sentence if the source has none that can be used; EIO, ETIMEDOUT,
    // ECONNREFUSED, … if it does not answer as it should.
    virtual Task<Credentials> get() = 0;
    // Names the source without any secret.
    virtual std::string describe() const = 0;
    // True if it is known now that get() would return others: a file was replaced. Cheap.
    virtual bool changed() { return false; }
    // True if get() can return others than before, if those were refused.
    virtual bool can_renew() { return changed(); }
};

// Credentials that were given, and stay as they are.
class GivenCredentials final : public Source {
public:
    GivenCredentials(Credentials given, std::string where)
        : given_(std::move(given)), where_(std::move(where)) {}
    Task<Credentials> get() override { co_return given_; }
    std::string describe() const override { return where_; }

private:
    Credentials given_;
    std::string where_;
};

}  // namespace flexfs::cloud
