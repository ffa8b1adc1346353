// A store that injects faults into the requests to another store.
#pragma once

#include <memory>
#include <random>

#include "lib/loop/loop.h"
#include "lib/object/store.h"

namespace flexfs::object {

// Faults of each request. Probabilities are from 0 to 1.
struct Faults {
    Duration latency{};      // before each answer
    double errors = 0;       // EIO; half of them come after the request was executed
    double stall = 0;        // no answer until the request is stopped, or for an hour
    double truncate = 0;     // a get returns fewer bytes than asked for
    double lies = 0;         // a get returns data with one flipped bit
    std::uint64_t seed = 1;  // of the random numbers

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
    Task<Versioned> get_versioned(std::string key) override;
    Task<std::string> put_if(std::string key, Buffer content, std::string tag) override;
    Task<Space> space() override { return inner_->space(); }
    Task<void> close() override { return inner_->close(); }
    Counters counters() const override;
    std::string describe() const override { return inner_->describe() + " with faults"; }

    // Replaces the faults from now on.
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
