// A store that measures its requests: how many, how they ended, how long they took.
#pragma once

#include <array>
#include <memory>

#include "lib/metrics/registry.h"
#include "lib/object/store.h"

namespace flexfs::object {

class Measured final : public Store {
public:
    // The metrics are flexfs_mount_object_…; the registry must outlive the store.
    Measured(std::unique_ptr<Store> inner, metrics::Registry& metrics);

    Task<void> put(std::string key, std::vector<Buffer> pieces) override;
    Task<Buffer> get(std::string key, std::uint64_t offset, std::size_t size) override;
    Task<std::vector<Buffer>> get_ranges(std::string key, std::vector<ByteRange> ranges) override;
    Task<Buffer> get(std::string key) override;
    Task<std::uint64_t> size(std::string key) override;
    Task<void> remove(std::vector<std::string> keys) override;
    Task<Page> list(std::string prefix, std::string after, std::size_t limit) override;
    Task<Versioned> get_versioned(std::string key) override;
    Task<std::string> put_if(std::string key, Buffer content, std::string tag) override;
    Task<Space> space() override { return inner_->space(); }
    Task<void> close() override { return inner_->close(); }
    Counters counters() const override { return inner_->counters(); }
    std::string describe() const override { return inner_->describe(); }

private:
    enum Verb { get_verb, put_verb, delete_verb, list_verb, head_verb, verbs };
    enum Outcome { ok, missing, refused, exists, timeout, given_up, failed, outcomes };
    static Outcome outcome_of(int code);

    template <class T>
    Task<T> measure(Verb verb, Task<T> request);

    std::unique_ptr<Store> inner_;
    std::array<metrics::Histogram*, verbs> durations_;
    std::array<std::array<metrics::Counter*, outcomes>, verbs> requests_;
};

}  // namespace flexfs::object
