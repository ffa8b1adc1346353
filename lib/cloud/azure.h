// Credentials for Azure Blob Storage: an account key, a shared access signature, or OAuth tokens of
// an identity.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "lib/cloud/context.h"
#include "lib/cloud/credentials.h"
#include "lib/cloud/signer.h"

namespace flexfs::cloud {

// Looks, in this order, at the identity, the environment (AZURE_STORAGE_…), a workload identity or
// the secret of an application (AZURE_TENANT_ID, …), and the identity of an App Service or of the
// machine.
std::unique_ptr<Source> azure_credentials(Context& context, Identity identity);

// Reads "Name=value;Name=value".
std::map<std::string, std::string> parse_connection_string(std::string_view text);

}  // namespace flexfs::cloud
