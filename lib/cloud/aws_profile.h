// Credentials as a profile of AWS's shared configuration files describes them.
#pragma once

#include <memory>
#include <string>

#include "lib/cloud/aws_files.h"
#include "lib/cloud/context.h"
#include "lib/cloud/credentials.h"

namespace flexfs::cloud {

// Returns the keys that the environment has; Kind::none if it has none. EACCES if a part is
// missing.
Result<Credentials> aws_environment(const Context& context);

// A source that reads the files at each get(), and knows when they have changed.
std::unique_ptr<Source> aws_profile(Context& context, std::string name);

// Reads the files in the pool.
Task<AwsProfiles> load_aws_profiles(Context& context);

}  // namespace flexfs::cloud
