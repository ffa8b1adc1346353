// A store whose content may be changed only with a permit, which is asked for before each try of a
// request. Reading needs none, nor do the conditional puts with which a permit is gained.
#pragma once

#include <functional>
#include <memory>

#include "lib/object/store.h"

namespace flexfs::object {

// Answers at once for one key; its error is that of the request. EIO: perhaps later; ESTALE: never
// again.
using Permit = std::function<Result<void>(std::string_view key)>;

class Gated final : public Store {
public:
    Gated(std::unique_ptr<Store> inner, Permit permit)
        : inner_(std::move(inner)), permit_(std::move(permit)) {}

    Task<void> put(std::string key, std::vector<Buffer> pieces) override {
        co_await permit_(key);
        co_await inner_->put(std::move(key), std::move(pieces));
    }
    Task<void> remove(std::vector<std::string> keys) override {
        for (const std::string& key : keys) co_await permit_(key);
        co_await inner_->remove(std::move(keys));
    }
    Task<Buffer> get(std::string key, std::uint64_t offset, std::size_t size) override {
        return inner_->get(std::move(key), offset, size);
    }
    Task<std::vector<Buffer>> get_ranges(std::string key, std::vector<ByteRange> ranges) override {
        return inner_->get_ranges(std::move(key), std::move(ranges));
    }
    Task<Buffer> get(std::string key) override { return inner_->get(std::move(key)); }
    Task<std::uint64_t> size(std::string key) override { return inner_->size(std::move(key)); }
    Task<Page> list(std::string prefix, std::string after, std::size_t limit) override {
        return inner_->list(std::move(prefix), std::move(after), limit);
    }
    Task<Versioned> get_versioned(std::string key) override {
        return inner_->get_versioned(std::move(key));
    }
    Task<std::string> put_if(std::string key, Buffer content, std::string tag) override {
        return inner_->put_if(std::move(key), std::move(content), std::move(tag));
    }
    Task<Space> space() override { return inner_->space(); }
    Task<void> close() override { return inner_->close(); }
    Counters counters() const override { return inner_->counters(); }
    std::string describe() const override { return inner_->describe(); }

private:
    std::unique_ptr<Store> inner_;
    Permit permit_;
};

}  // namespace flexfs::object
