// A container of Azure's Blob service.
#pragma once

#include <deque>
#include <memory>

#include "lib/object/azure_dialect.h"
#include "lib/object/bucket_store.h"

namespace flexfs::object {

class AzureStore final : public BucketStore {
public:
    // `client` must outlive the store. Asks the container nothing yet. EINVAL with a sentence that
    // says which option is wrong.
    static Result<std::unique_ptr<Store>> open(Loop& loop, http::Client& client,
                                               std::unique_ptr<cloud::Signer> signer,
                                               AzureOptions options);

    // Up to 256 keys go in one request, unless the service turns out not to have such requests.
    Task<void> remove(std::vector<std::string> keys) override;
    // Costs a request for each 1,000 objects. The service cannot begin after a key, only where a
    // page of it ended; the store remembers that of recent lists. A list from any other key begins
    // at the prefix and skips, so it costs requests for all objects before that key.
    Task<Page> list(std::string prefix, std::string after, std::size_t limit) override;

private:
    // The page of the provider in which the objects after `last` begin.
    struct Mark {
        std::string prefix;
        std::string last;
        std::string marker;
    };
    static constexpr std::size_t marks_max = 64;

    AzureStore(Loop& loop, http::Client& client, std::unique_ptr<cloud::Signer> signer,
               std::unique_ptr<Dialect> dialect, AzureOptions options);
    // EOPNOTSUPP: the service has no such request. `keys` have the root.
    Task<void> remove_together(std::vector<std::string> keys);
    Task<http::Response> send_batch(const std::vector<std::string>& keys);
    void remember(Mark mark);
    // Returns an empty text if it is not known.
    std::string marker_after(const std::string& prefix, const std::string& last) const;

    std::deque<Mark> marks_;  // the oldest first
    bool removes_singly_ = false;
};

}  // namespace flexfs::object
