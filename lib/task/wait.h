// WaitList: the primitive under everything that suspends. Coroutines wait in it, in order, until
// they are woken.
#pragma once

#include <cerrno>
#include <coroutine>

#include "lib/task/task.h"

namespace flexfs::task {

class WaitList;

// One suspended coroutine. Lives in its frame. Woken at most once; then it goes on from the run
// queue.
class Waiting : StopHook {
public:
    Waiting(WaitList* list, bool shielded) : list_(list), shielded_(shielded) {}
    // Takes it out of its list, if it is in one, and makes the coroutine ready: with success, or an
    // errno.
    void wake(int code = 0);

protected:
    ~Waiting();
    // False where the wait is over before it began: a stop was requested.
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
    int code_ = 0;
    bool hand_over_ = false;
    bool shielded_;
};

template <bool hand_over>
class WaitAwaiter final : public Waiting {
public:
    template <class Wait>
    explicit WaitAwaiter(const Wait& wait) : Waiting(wait.list, wait.shielded) {}

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

// Coroutines waiting in order of arrival. Nobody may be waiting when it is destroyed.
class WaitList {
public:
    struct Wait {
        using leaf_awaiter = void;
        template <bool hand_over>
        using leaf_awaiter_for = WaitAwaiter<hand_over>;
        WaitList* list;
        bool shielded;
    };

    WaitList() = default;
    WaitList(const WaitList&) = delete;
    WaitList& operator=(const WaitList&) = delete;
    ~WaitList() { check(first_ == nullptr); }

    bool empty() const { return first_ == nullptr; }
    // co_await wait(): until woken, with the waker's errno; ECANCELED when the awaiting task is
    // stopped first.
    Wait wait() { return {this, false}; }
    // The same, but a stop does not end it: for cleaning up, where the waker is sure to come.
    Wait wait_shielded() { return {this, true}; }
    // The longest waiting one; false where nobody waits.
    bool wake_one(int code = 0);
    void wake_all(int code = 0);

private:
    friend class Waiting;
    Waiting* first_ = nullptr;
    Waiting* last_ = nullptr;
};

}  // namespace flexfs::task
