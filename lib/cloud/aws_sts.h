// Roles of AWS: temporary credentials from its Security Token Service.
#pragma once

#include <string>

#include "lib/cloud/context.h"
#include "lib/cloud/credentials.h"

namespace flexfs::cloud {

struct AwsRole {
    std::string arn;
    std::string session_name;  // empty: "flexfs"
    std::string external_id;
    std::string duration_seconds;  // empty: that of the service, an hour
    std::string region;            // of the service; empty: the global one
};

// Asks as the owner of `key`. Errors as for Source::get().
Task<Credentials> assume_role(Context& context, AwsRole role, Credentials key);
// Asks with a token that another authority, such as Kubernetes, wrote to a file.
Task<Credentials> assume_role_with_token(Context& context, AwsRole role, std::string token_file);

// Reads the service's answer to `action`. EIO with a sentence.
Result<Credentials> parse_role_credentials(std::string_view xml, const std::string& action,
                                           Time now);

}  // namespace flexfs::cloud
