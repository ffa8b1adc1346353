// WaitList: the primitive on which every suspension is based. Coroutines wait in it, in order of
// arrival, until they are woken or stopped.
//
// A wait ends once, by a wake or by a stop, whichever comes first. It leaves its list at that very
// moment, not when its coroutine runs: wake_one() never finds a wait that was stopped, and a stop
// after a wake has no effect on that wait. So a waker may consider something handed over as soon as
// wake_one() returns true: the coroutine will continue with success and owns it.
#pragma once

#include <cerrno>
#include <coroutine>
#include <cstdint>

#include "lib/task/task.h"

namespace flexfs::task {

class WaitList;

// One suspended coroutine; stored in its frame.
class Waiting : StopHook {
public:
    Waiting(WaitList* list, bool shielded, std::uint64_t units)
        : list_(list), units_(units), shielded_(shielded) {}
    // Removes the wait from its list, in which it must be, and makes the coroutine ready, with
    // success or with an errno.
    void wake(int code = 0);

protected:
    ~Waiting();
    // Returns false if the wait ended before it began, because a stop was requested.
    bool park(std::coroutine_handle<> self, PromiseBase& promise, bool hand_over);
    int code() const { return code_; }
    PromiseBase* promise_ = nullptr;

private:
    friend class WaitList;
    void stopped() override { wake(ECANCELED); }

    WaitList* list_;
    Waiting* before_ = nullptr;
    Waiting* after_ = nullptr;
    std::coroutine_handle<> self_;
    std::uint64_t units_;
    int code_ = 0;
    bool hand_over_ = false;
    bool shielded_;
};

template <bool hand_over>
class WaitAwaiter final : public Waiting {
public:
    template <class Wait>
    explicit WaitAwaiter(const Wait& wait) : Waiting(wait.list, wait.shielded, wait.units) {}

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) {
        if (park(self, self.promise(), hand_over)) return std::noop_coroutine();
        if (hand_over) return self;
        self.promise().end_with(Error{code(), {}});
        return self.promise().ended();
    }
    auto await_resume() {
        if constexpr (hand_over) return code() == 0 ? Result<void>{} : Result<void>(fail(code()));
    }
};

// Coroutines waiting in order of arrival. It must be empty when it is destroyed.
class WaitList {
public:
    struct Wait {
        using leaf_awaiter = void;
        template <bool hand_over>
        using leaf_awaiter_for = WaitAwaiter<hand_over>;
        WaitList* list;
        bool shielded;
        std::uint64_t units;
    };

    WaitList() = default;
    WaitList(const WaitList&) = delete;
    WaitList& operator=(const WaitList&) = delete;
    ~WaitList() { check(first_ == nullptr); }

    bool empty() const { return first_ == nullptr; }
    // co_await wait() ends when woken, with the waker's errno; ECANCELED if the awaiting task is
    // stopped first. `units` is the amount that it waits for, if that matters to the waker.
    Wait wait(std::uint64_t units = 0) { return {this, false, units}; }
    // The same, but a stop does not end it: for cleaning up, when the wake is certain.
    Wait wait_shielded() { return {this, true, 0}; }
    // Returns the units of the wait that wake_one() would end. The list must not be empty.
    std::uint64_t next_units() const {
        check(first_ != nullptr);
        return first_->units_;
    }
    // Wakes the longest wait; returns false if there is none.
    bool wake_one(int code = 0);
    void wake_all(int code = 0);

private:
    friend class Waiting;
    Waiting* first_ = nullptr;
    Waiting* last_ = nullptr;
};

}  // namespace flexfs::task
