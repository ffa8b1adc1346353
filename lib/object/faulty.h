// A store that misbehaves on purpose, in front of a good one.
#pragma once

#include <memory>
#include <random>

#include "lib/loop/loop.h"
#include "lib/object/store.h"

namespace flexfs::object {

// Per request. Probabilities from 0 to 1.
struct Faults {
    Duration latency{};      // before each answer
    double errors = 0;       // EIO, half of them after the request was carried out
    double stall = 0;        // no answer until it is stopped, at most an hour
    double truncate = 0;     // a get gives fewer bytes than it should
    double lies = 0;         // a get gives one flipped bit
    std::uint64_t seed = 1;  // of the dice

    bool any() const {
        return latency.count() || errors > 0 || stall > 0 || truncate > 0 || lies > 0;
    }
    bool operator==(const Faults&) const = default;
};

class Faulty final : public Store {
public:
    Faulty(Loop& loop, std::unique_ptr<Store> inner, Faults faults);

    Task<void> put(std::string key, std::vector<Buffer> pieces) override;
    Task<Buffer> get(std::string key, std::uint64_t offset, std::size_t size) override;
    Task<Buffer> get(std::string key) override;
    Task<std::uint64_t> size(std::string key) override;
    Task<void> remove(std::vector<std::string> keys) override;
    Task<Page> list(std::string prefix, std::string after, std::size_t limit) override;
    Task<Space> space() override { return inner_->space(); }
    Task<void> close() override { return inner_->close(); }
    Counters counters() const override;
    std::string describe() const override { return inner_->describe() + " with faults"; }

    // From now on.
    void set(Faults faults) { faults_ = faults; }

private:
    bool happens(double probability);
    template <class T>
    Task<T> disturb(Task<T> request, std::uint64_t Counters::* lost, std::uint64_t count);
    Buffer spoil(Buffer good);

    Loop& loop_;
    std::unique_ptr<Store> inner_;
    Faults faults_;
    std::mt19937_64 dice_;
    Counters lost_;  // requests that never reached the inner store
};

}  // namespace flexfs::object
