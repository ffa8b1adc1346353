// For sweeps that fail or cancel each step of some work once.
#pragma once

#include <cerrno>

#include "lib/object/store.h"
#include "lib/task/sync.h"

namespace flexfs::object {

// The fault of the nth step of the work that a sweep watches.
enum class Fault {
    fail_before,   // not executed, and ends with an error
    fail_after,    // executed, and ends with an error
    full_after,    // the same with ENOSPC, as from a sync of a full disk
    stall_before,  // not executed, and never ends unless it is cancelled
    stall_after,   // executed, and never ends unless it is cancelled
};
inline constexpr Fault faults[] = {Fault::fail_before, Fault::fail_after, Fault::full_after,
                                   Fault::stall_before, Fault::stall_after};

class Steps {
public:
    Fault fault = Fault::fail_before;
    int nth = 0;  // number of steps until the fault; 0: none

    bool is_stalled() const { return stalled_; }
    task::WaitList& stalled() { return stalled_came_; }
    bool is_reached() const { return reached_; }

    template <class T>
    Task<T> step(Task<T> work) {
        if (nth == 0 || --nth != 0) co_return co_await std::move(work);
        reached_ = true;
        if (fault == Fault::stall_before) co_await stall();
        if (fault == Fault::fail_before) co_await fail(EIO, "told to fail");
        Result<T> outcome = co_await result(std::move(work));
        if (fault == Fault::stall_after) co_await stall();
        if (fault == Fault::full_after) co_await fail(ENOSPC, "told to fail");
        if (fault == Fault::fail_after) co_await fail(EIO, "told to fail");
        co_return co_await std::move(outcome);
    }

private:
    Task<void> stall() {
        stalled_ = true;
        stalled_came_.wake_all();
        co_await never_.wait();
    }

    bool reached_ = false, stalled_ = false;
    task::WaitList stalled_came_;
    task::Event never_;
};

// Counts puts, gets of ranges and removals as steps.
class FaultyStore final : public Store {
public:
    FaultyStore(Store& inner, Steps& steps) : inner_(inner), steps_(steps) {}
    Task<void> put(std::string key, std::vector<Buffer> pieces) override {
        return steps_.step(inner_.put(std::move(key), std::move(pieces)));
    }
    Task<Buffer> get(std::string key, std::uint64_t offset, std::size_t size) override {
        return steps_.step(inner_.get(std::move(key), offset, size));
    }
    Task<Buffer> get(std::string key) override { return inner_.get(std::move(key)); }
    Task<std::uint64_t> size(std::string key) override { return inner_.size(std::move(key)); }
    Task<void> remove(std::vector<std::string> keys) override {
        return steps_.step(inner_.remove(std::move(keys)));
    }
    Task<Page> list(std::string prefix, std::string after, std::size_t limit) override {
        return inner_.list(std::move(prefix), std::move(after), limit);
    }
    Task<Space> space() override { return inner_.space(); }
    Counters counters() const override { return inner_.counters(); }
    std::string describe() const override { return "faulty"; }

private:
    Store& inner_;
    Steps& steps_;
};

}  // namespace flexfs::object
