// A signer for tests: its signature is the name of the region and the generation of the
// credentials.
#pragma once

#include <string>

#include "lib/base/format.h"
#include "lib/cloud/signer.h"

namespace flexfs::object {

class FakeSigner final : public cloud::Signer {
public:
    Task<void> sign(http::Request& request) override {
        request.headers.set("Authorization", fmt::format("{} {}", region, generation));
        co_return;
    }
    bool renew() override {
        ++renewals;
        if (generation == last_generation) return false;
        ++generation;
        return true;
    }
    void set_clock(Time now) override { clock = now; }
    void set_region(std::string name) override { region = std::move(name); }
    std::string describe() const override { return "a test"; }
    Task<void> close() override { co_return; }

    std::string region;
    int generation = 1;
    int last_generation = 1;
    int renewals = 0;
    Time clock = 0;
};

}  // namespace flexfs::object
