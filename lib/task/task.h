// Task<T>: the one coroutine type. Started when awaited, it ends with a Result<T>.
//
// Inside a Task, `co_await` of a Task, a Result or a wait (lib/task/wait.h) gives the value, or
// ends the awaiting coroutine with the error; `co_await result(x)` gives the Result instead.
// `co_await fail(EIO)` ends a Task<void>. Coroutine parameters are values: a reference or view must
// provably outlive the task.
#pragma once

#include <coroutine>
#include <optional>
#include <type_traits>
#include <utility>

#include "lib/base/check.h"
#include "lib/base/result.h"
#include "lib/task/frame_memory.h"
#include "lib/task/run_queue.h"
#include "lib/task/stop.h"

namespace flexfs::task {

// The part of a promise that does not depend on its task's type.
struct PromiseBase {
    enum class State { running, value, error };

    std::coroutine_handle<> waiter = std::noop_coroutine();  // resumed when this ends
    PromiseBase* heir = nullptr;  // ends with the error of this one, if any
    StopSource* stop = nullptr;   // inherited by the tasks that it awaits
    State state = State::running;
    Error error;

    static void* operator new(std::size_t bytes) { return allocate_frame(bytes); }
    static void operator delete(void* frame, std::size_t bytes) { free_frame(frame, bytes); }

    void end_with(Error why) {
        error = std::move(why);
        state = State::error;
    }
    // Returns the coroutine to resume after the end of this one. An error is passed up to the first
    // awaiter that asked for the Result.
    std::coroutine_handle<> ended();
    [[noreturn]] void unhandled_exception();
};

struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
        return self.promise().ended();
    }
    void await_resume() const noexcept {}
};

// co_await of a Result gives the value, or ends the awaiting coroutine.
template <class T>
struct ResultAwaiter {
    Result<T> result;

    bool await_ready() const noexcept { return result.has_value(); }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) {
        self.promise().end_with(std::move(result.error()));
        return self.promise().ended();
    }
    T await_resume() {
        if constexpr (!std::is_void_v<T>) return std::move(*result);
    }
};

template <class T>
class Task;

// Wraps an awaitable so that co_await gives its Result, even if it is an error.
template <class Awaitable>
struct AsResult {
    Awaitable inner;
};
template <class Awaitable>
AsResult<std::decay_t<Awaitable>> result(Awaitable&& awaitable) {
    return {std::forward<Awaitable>(awaitable)};
}

template <class T, bool hand_over>
struct TaskAwaiter {
    Task<T> task;

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) {
        auto& child = task.handle_.promise();
        child.waiter = self;
        child.heir = hand_over ? nullptr : &self.promise();
        child.stop = self.promise().stop;
        return task.handle_;
    }
    auto await_resume() {
        if constexpr (hand_over) return task.take();
        else if constexpr (!std::is_void_v<T>) return *task.take();
    }
};

template <class T>
concept Leaf = requires { typename T::leaf_awaiter; };

struct TaskPromise : PromiseBase {
    std::suspend_always initial_suspend() noexcept { return {}; }
    FinalAwaiter final_suspend() noexcept { return {}; }

    template <class U>
    TaskAwaiter<U, false> await_transform(Task<U>&& task) {
        return {std::move(task)};
    }
    template <class U>
    TaskAwaiter<U, true> await_transform(AsResult<Task<U>>&& task) {
        return {std::move(task.inner)};
    }
    template <class U>
    ResultAwaiter<U> await_transform(Result<U> result) {
        return {std::move(result)};
    }
    ResultAwaiter<void> await_transform(std::unexpected<Error> error) { return {std::move(error)}; }
    template <Leaf L>
    auto await_transform(L&& leaf) {
        return typename std::decay_t<L>::template leaf_awaiter_for<false>(leaf);
    }
    template <Leaf L>
    auto await_transform(AsResult<L>&& leaf) {
        return typename L::template leaf_awaiter_for<true>(leaf.inner);
    }
};

template <class T>
struct Promise : TaskPromise {
    std::optional<T> value;

    Task<T> get_return_object();
    void return_value(T made) {
        value.emplace(std::move(made));
        state = State::value;
    }
    void return_value(std::unexpected<Error> why) { end_with(std::move(why.error())); }
    void return_value(Result<T> made) {
        if (made) return_value(std::move(*made));
        else end_with(std::move(made.error()));
    }
    Result<T> take() {
        if (state == State::error) return std::unexpected(std::move(error));
        return std::move(*value);
    }
};

template <>
struct Promise<void> : TaskPromise {
    Task<void> get_return_object();
    void return_void() { state = State::value; }
    Result<void> take() {
        if (state == State::error) return std::unexpected(std::move(error));
        return {};
    }
};

template <class T>
class [[nodiscard]] Task {
public:
    using promise_type = Promise<T>;

    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Task& operator=(Task&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Task() {
        if (handle_) handle_.destroy();
    }

    // Drives a task from outside a coroutine: start() runs it to its first wait, and take() may be
    // called once done() is true.
    void start(StopSource* stop = nullptr) {
        handle_.promise().stop = stop;
        handle_.resume();
    }
    bool done() const { return handle_.promise().state != PromiseBase::State::running; }
    Result<T> take() {
        check(done());
        return handle_.promise().take();
    }

private:
    template <class, bool>
    friend struct TaskAwaiter;
    friend promise_type;
    explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

    std::coroutine_handle<promise_type> handle_;
};

template <class T>
Task<T> Promise<T>::get_return_object() {
    return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
    return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

// Runs `task` on this thread's run queue alone, for tests that need no loop. The task must not wait
// for anything outside the queue.
template <class T>
Result<T> run(Task<T> task) {
    task.start();
    RunQueue::current().drain();
    return task.take();
}

}  // namespace flexfs::task

namespace flexfs {
using task::result;
using task::Task;
}  // namespace flexfs
