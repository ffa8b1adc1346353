// offload(): blocking or heavy work on the thread pool, awaited on the loop.
#pragma once

#include <signal.h>

#include <optional>
#include <type_traits>

#include "lib/loop/loop.h"

namespace flexfs::loop {

// While it lives, work may be given to the pool. Its threads start with the first work and hold
// back the signals that are held back then: those that tell the process to do something are for the
// loop's thread alone, or it could not hold them back when it must.
class PoolStart {
public:
    explicit PoolStart(Loop& loop);
    ~PoolStart();
    PoolStart(const PoolStart&) = delete;
    PoolStart& operator=(const PoolStart&) = delete;

private:
    std::optional<sigset_t> before_;
};

// Runs one function on a pool thread. Once begun it is not stopped: the wait is shielded, so that
// what the function uses may live in the awaiting frame.
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

// co_await offload(loop, [=]() -> Result<T> { … }): the function's value, or its error.
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
