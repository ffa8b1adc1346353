// A store in front of another one. It passes every request on; a subclass changes what it has to.
#pragma once

#include <memory>

#include "lib/object/store.h"

namespace flexfs::object {

class Forwarding : public Store {
public:
    explicit Forwarding(std::unique_ptr<Store> inner) : inner_(std::move(inner)) {}

    Task<void> put(std::string key, std::vector<Buffer> pieces) override {
        return inner_->put(std::move(key), std::move(pieces));
    }
    Task<Buffer> get(std::string key, std::uint64_t offset, std::size_t size) override {
        return inner_->get(std::move(key), offset, size);
    }
    Task<std::vector<Buffer>> get_ranges(std::string key, std::vector<ByteRange> ranges) override {
        return inner_->get_ranges(std::move(key), std::move(ranges));
    }
    Task<Buffer> get(std::string key) override { return inner_->get(std::move(key)); }
    Task<std::uint64_t> size(std::string key) override { return inner_->size(std::move(key)); }
    Task<void> remove(std::vector<std::string> keys) override {
        return inner_->remove(std::move(keys));
    }
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

protected:
    Store& inner() const { return *inner_; }

private:
    std::unique_ptr<Store> inner_;
};

}  // namespace flexfs::object
