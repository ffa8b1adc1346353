// offload(): blocking or heavy work on the thread pool, awaited on the loop.
#pragma once

#include <signal.h>

#include <optional>
#include <type_traits>

#include "lib/loop/loop.h"

namespace flexfs::loop {

// Blocks the signals that ask the process to act, as long as it exists. Threads that start
// meanwhile inherit that, so only the loop's thread receives these signals; otherwise the loop
// could not block them when it must.
class SignalsBlocked {
public:
    SignalsBlocked();
    ~SignalsBlocked();
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t before_;
};

// Work may be given to the pool only while a PoolStart exists: the pool's threads start with the
// first work, with these signals blocked.
class PoolStart {
public:
    explicit PoolStart(Loop& loop) {
        if (loop.starts_pool()) blocked_.emplace();
    }

private:
    std::optional<SignalsBlocked> blocked_;
};

// Runs one function on a pool thread. A running function cannot be stopped. Therefore the wait is
// shielded, and the function may use variables of the awaiting frame.
class PoolWork {
public:
    explicit PoolWork(Loop& loop) : loop_(loop) {}
    virtual ~PoolWork() = default;
    Task<void> done();

private:
    virtual void work() = 0;

    Loop& loop_;
    task::WaitList waiting_;
};

template <class F>
class PoolCall final : public PoolWork {
public:
    using Value = std::invoke_result_t<F&>;
    PoolCall(Loop& loop, F function) : PoolWork(loop), function_(std::move(function)) {}
    Value take() { return std::move(*value_); }

private:
    void work() override { value_.emplace(function_()); }
    F function_;
    std::optional<Value> value_;
};

template <class T>
struct ResultValue;
template <class T>
struct ResultValue<Result<T>> {
    using type = T;
};

// co_await offload(loop, [=]() -> Result<T> { … }) gives the function's value or its error.
template <class F>
Task<typename ResultValue<std::invoke_result_t<F&>>::type> offload(Loop& loop, F function) {
    PoolCall<F> call(loop, std::move(function));
    co_await call.done();
    co_return co_await call.take();
}

}  // namespace flexfs::loop

namespace flexfs {
using loop::offload;
}
