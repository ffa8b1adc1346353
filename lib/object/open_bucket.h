// Opens the store of a bucket, with a client and credentials of its own.
#pragma once

#include <memory>

#include "lib/object/address.h"
#include "lib/object/bucket.h"

namespace flexfs::object {

// The address must be a bucket's. Asks the bucket nothing yet. EINVAL with a sentence: a setting is
// wrong or missing.
Result<std::unique_ptr<Store>> open_bucket(Loop& loop, const Address& address, Throttled throttled);

}  // namespace flexfs::object
