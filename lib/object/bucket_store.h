// The operations of a store that are the same for every provider.
#pragma once

#include <memory>

#include "lib/object/bucket.h"
#include "lib/object/store.h"
#include "lib/task/sync.h"

namespace flexfs::object {

class BucketStore : public Store {
public:
    Task<void> put(std::string key, std::vector<Buffer> pieces) override;
    Task<Buffer> get(std::string key, std::uint64_t offset, std::size_t size) override;
    Task<Buffer> get(std::string key) override;
    Task<std::uint64_t> size(std::string key) override;
    Task<Versioned> get_versioned(std::string key) override;
    // The first call finds out, with an object of its own, whether the store respects conditions:
    // some ignore them silently.
    Task<std::string> put_if(std::string key, Buffer content, std::string tag) override;
    Task<Space> space() override { co_return Space{}; }
    Task<void> close() override { return bucket_.close(); }
    Counters counters() const override { return counters_; }
    std::string describe() const override;

protected:
    // `prefix` stands before each key, with a '/'; it has none at its ends, and may be empty.
    BucketStore(Loop& loop, http::Client& client, std::unique_ptr<cloud::Signer> signer,
                std::unique_ptr<Dialect> dialect, std::string prefix, Throttled throttled);

    // Returns the text before each key in the bucket: "prefix/" or nothing.
    const std::string& root() const { return root_; }
    // Removes each key, which has the root, with a request of its own, several at the same time.
    Task<void> remove_singly(std::vector<std::string> keys);

    Bucket bucket_;
    Counters counters_;

private:
    enum class Conditions { unknown, respected, ignored };

    // The tag is a condition, if there is one.
    BucketRequest put_request(std::string key, std::vector<Buffer> pieces) const;
    Task<std::string> put_on_condition(std::string key, Buffer content, std::string tag);
    Task<Conditions> probe_conditions();
    Task<bool> is_refused(std::string key, std::string tag);
    Task<bool> accepts(std::string key, std::string tag);
    Task<bool> respects_conditions(std::string key, std::string present, std::string other);
    Task<std::string> tag_of(const http::Response& response) const;
    struct Removal;
    Task<void> remove_some(Removal& removal);

    std::string root_;
    Conditions conditions_ = Conditions::unknown;
    bool bare_tags_ = false;  // in conditions, tags have no quotes
    task::Mutex probing_;
};

}  // namespace flexfs::object
