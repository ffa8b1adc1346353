#include "lib/task/scope.h"

namespace flexfs::task {

// Owns itself: its frame is freed when the task that it drives has ended.
struct Scope::Runner {
    struct promise_type : PromiseBase {
        Runner get_return_object() {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        TaskAwaiter<void, true> await_transform(Task<void>&& task) { return {std::move(task)}; }
    };
    std::coroutine_handle<promise_type> handle;
};

Scope::Runner Scope::drive(Scope& scope, Task<void> task) {
    Result<void> outcome = co_await std::move(task);
    if (!outcome && outcome.error().code != ECANCELED && scope.first_error_.code == 0)
        scope.first_error_ = std::move(outcome.error());
    if (--scope.running_ == 0) scope.joiners_.wake_all();
}

void Scope::start(Task<void> task, StopSource* stop) {
    ++running_;
    Runner runner = drive(*this, std::move(task));
    runner.handle.promise().stop = stop ? stop : &stop_;
    runner.handle.resume();
}

Task<void> Scope::join() {
    while (running_ > 0) co_await joiners_.wait();
    if (first_error_.code != 0) co_await fail(std::exchange(first_error_, {}));
}

Task<void> Scope::close() {
    cancel();
    while (running_ > 0) co_await joiners_.wait_shielded();
    first_error_ = {};
}

namespace {

// ECANCELED is kept only until a real error comes.
Task<void> note_error(Task<void> task, Error& first) {
    auto outcome = co_await result(std::move(task));
    if (!outcome && (first.code == 0 || first.code == ECANCELED))
        first = std::move(outcome.error());
}

}  // namespace

Task<void> all(std::vector<Task<void>> tasks) {
    Scope scope;
    Error first;
    for (auto& task : tasks) scope.start(note_error(std::move(task), first));
    const auto joined = co_await result(scope.join());
    // If the join was stopped, what it waited for is stopped too.
    if (!joined) co_await scope.close();
    if (first.code != 0) co_await fail(std::move(first));
}

}  // namespace flexfs::task
