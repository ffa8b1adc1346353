// The signers, with surroundings that a test chooses.
#pragma once

#include <memory>

#include "lib/cloud/context.h"
#include "lib/cloud/signer.h"

namespace flexfs::cloud {

std::unique_ptr<Signer> make_signer(Loop& loop, http::Client& client, Identity identity,
                                    Clock clock, Variables variables);

}  // namespace flexfs::cloud
