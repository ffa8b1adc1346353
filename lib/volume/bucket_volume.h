// A volume that is kept in a bucket, with its database on this machine. The object volume.yaml
// describes it, and the object `claim` names the process that may change it (claim.h).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "lib/object/address.h"
#include "lib/volume/claim.h"
#include "lib/volume/volume.h"

namespace flexfs::volume {

// Where a volume is in a bucket, and where its files on this machine are by default.
struct BucketPlace {
    std::string name;    // for users: s3://bucket/prefix
    std::string folder;  // of the lock, the database and what is remembered about claims
    // Opens the store; its changes ask the permit.
    std::function<Result<std::unique_ptr<object::Store>>(object::Permit)> open;
    ClaimTerms terms = {};
};
BucketPlace bucket_place(Loop& loop, object::Address address, metrics::Registry* metrics = nullptr);
std::string default_folder(const object::Address& address);

// As the functions of volume.h with the names open(), check() and check_takeover().
Task<std::unique_ptr<OpenVolume>> open_in_bucket(Loop& loop, BucketPlace place,
                                                 OpenOptions options);
Result<void> check_bucket(const object::Address& address, const OpenOptions& options);
Result<void> check_bucket_takeover(const object::Address& address, const OpenOptions& options);

}  // namespace flexfs::volume
