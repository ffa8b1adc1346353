// A bucket that speaks the S3 REST API: AWS, MinIO, Ceph, R2, Wasabi, B2; Google's XML API;
// Oracle's compatible one.
#pragma once

#include <memory>

#include "lib/object/bucket_store.h"
#include "lib/object/s3_dialect.h"

namespace flexfs::object {

class S3Store final : public BucketStore {
public:
    // `client` must outlive the store. Asks the bucket nothing yet. EINVAL with a sentence that
    // says which option is wrong.
    static Result<std::unique_ptr<Store>> open(Loop& loop, http::Client& client,
                                               std::unique_ptr<cloud::Signer> signer,
                                               S3Options options);

    // Up to 1,000 keys go in one request, unless the store turns out not to have such requests.
    Task<void> remove(std::vector<std::string> keys) override;
    // Costs a request for each 1,000 objects.
    Task<Page> list(std::string prefix, std::string after, std::size_t limit) override;

private:
    S3Store(Loop& loop, http::Client& client, std::unique_ptr<cloud::Signer> signer,
            std::unique_ptr<Dialect> dialect, S3Options options);
    // EOPNOTSUPP: the store has no such request. `keys` have the root.
    Task<void> remove_together(std::vector<std::string> keys);

    bool removes_singly_;
};

}  // namespace flexfs::object
