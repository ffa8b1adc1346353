// Credentials of the role of a virtual machine (EC2) or container (ECS, EKS) of AWS, from services
// that each of these can reach and nobody else.
#pragma once

#include <memory>

#include "lib/cloud/context.h"
#include "lib/cloud/credentials.h"

namespace flexfs::cloud {

// The instance metadata service, in its version 2, with AWS_EC2_METADATA_SERVICE_ENDPOINT. Null if
// AWS_EC2_METADATA_DISABLED says so.
std::unique_ptr<Source> instance_metadata(Context& context);

// The endpoint that AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or …_FULL_URI names; null if neither is
// set. EACCES with a sentence if credentials must not be got from there.
Result<std::unique_ptr<Source>> container_endpoint(Context& context);

}  // namespace flexfs::cloud
