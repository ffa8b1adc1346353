// Where credentials of AWS, and of what signs in its way, are looked for.
#pragma once

#include <memory>

#include "lib/cloud/context.h"
#include "lib/cloud/credentials.h"
#include "lib/cloud/signer.h"

namespace flexfs::cloud {

// Looks, in this order, at the keys of the identity, the environment, the shared configuration
// files, a web identity, the container endpoint, and instance metadata; for another provider than
// AWS, only at the first three. A profile of the identity comes before the environment.
std::unique_ptr<Source> aws_credentials(Context& context, Identity identity);

// The region that the environment, or the profile, names; empty if neither does.
std::string aws_region(const Variables& variables, const std::string& profile);

}  // namespace flexfs::cloud
