// A store that repeats requests after transient faults, within a limit of tries and time.
#pragma once

#include <memory>
#include <random>
#include <type_traits>

#include "lib/loop/loop.h"
#include "lib/object/store.h"
#include "lib/task/scope.h"

namespace flexfs::object {

struct RetryPolicy {
    unsigned tries_max = 30;
    Duration time_max = std::chrono::minutes(2);  // no try begins later than this
    // The same as long as the store has not answered at all: then its address is probably wrong.
    Duration first_time_max = std::chrono::seconds(5);
    Duration first_try_timeout = std::chrono::seconds(8);
    // The pause between tries doubles from the minimum to the maximum; each is shortened by up to a
    // half at random.
    Duration pause_min = std::chrono::milliseconds(10);
    Duration pause_max = std::chrono::seconds(10);
    // A try that takes longer is abandoned and repeated; a late answer to it is dropped.
    Duration get_timeout = std::chrono::seconds(10);
    Duration put_timeout = std::chrono::seconds(60);
    Duration other_timeout = std::chrono::seconds(30);
    std::uint64_t seed = 1;  // of the random part of the pauses
};

// Answers and permanent faults (ENOENT, ENOSPC, EDQUOT, ERANGE, EACCES, …) are returned at once. A
// request that still fails at the limit returns EIO, with the last error in its context. A get
// whose answer is shorter or longer than asked for is repeated.
class Retrying final : public Store {
public:
    Retrying(Loop& loop, std::unique_ptr<Store> inner, RetryPolicy policy = {});

    Task<void> put(std::string key, std::vector<Buffer> pieces) override;
    Task<Buffer> get(std::string key, std::uint64_t offset, std::size_t size) override;
    Task<std::vector<Buffer>> get_ranges(std::string key, std::vector<ByteRange> ranges) override;
    // Asks for the length first, so that a short answer is detected.
    Task<Buffer> get(std::string key) override;
    Task<std::uint64_t> size(std::string key) override;
    Task<void> remove(std::vector<std::string> keys) override;
    Task<Page> list(std::string prefix, std::string after, std::size_t limit) override;
    Task<Versioned> get_versioned(std::string key) override;
    Task<std::string> put_if(std::string key, Buffer content, std::string tag) override;
    Task<Space> space() override { return inner_->space(); }
    Task<void> close() override;
    Counters counters() const override { return inner_->counters(); }
    std::string describe() const override { return inner_->describe(); }

private:
    // Returns the result of `ask`, repeated as the policy says. `what` is used for the error's
    // context.
    template <class Ask>
    std::invoke_result_t<Ask&> persist(std::string what, Duration timeout, Ask ask);
    template <class T>
    Task<T> within(Duration timeout, Task<T> request);
    Task<Buffer> get_exactly(std::string key, std::uint64_t offset, std::size_t size);
    Task<std::vector<Buffer>> get_ranges_exactly(std::string key, std::vector<ByteRange> ranges);
    Duration pause(unsigned tried);

    Loop& loop_;
    std::unique_ptr<Store> inner_;
    RetryPolicy policy_;
    std::mt19937_64 dice_;
    bool answered_ =
        false;        // a request has succeeded, or had another answer than a transient fault
    Scope requests_;  // running requests, including abandoned ones
};

}  // namespace flexfs::object
