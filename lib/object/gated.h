// A store whose content may be changed only with a permit, which is asked for before each try of a
// request. Reading needs none, nor do the conditional puts with which a permit is gained.
#pragma once

#include <functional>

#include "lib/object/forwarding.h"

namespace flexfs::object {

// Answers at once for one key; its error is that of the request. EIO: perhaps later; ESTALE: never
// again.
using Permit = std::function<Result<void>(std::string_view key)>;

class Gated final : public Forwarding {
public:
    Gated(std::unique_ptr<Store> inner, Permit permit)
        : Forwarding(std::move(inner)), permit_(std::move(permit)) {}

    Task<void> put(std::string key, std::vector<Buffer> pieces) override {
        co_await permit_(key);
        co_await inner().put(std::move(key), std::move(pieces));
    }
    Task<void> remove(std::vector<std::string> keys) override {
        for (const std::string& key : keys) co_await permit_(key);
        co_await inner().remove(std::move(keys));
    }

private:
    Permit permit_;
};

}  // namespace flexfs::object
