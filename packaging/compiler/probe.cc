// Ordinary coroutine code that a defective compiler turns into double frees, skipped branches or a
// stack overflow. Exits with 0 if every shape behaves; else it names the shapes that do not.
#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace {

// Counts live objects: below zero is a double destruction, above zero a leak.
struct Owner {
    static inline int alive = 0;
    static inline int destroyed = 0;

    bool owns = true;

    Owner() { ++alive; }
    Owner(Owner&& other) noexcept : owns(std::exchange(other.owns, false)) {}
    ~Owner() {
        if (owns) --alive, ++destroyed;
    }
};

struct Aggregate {
    Owner owner;
    int number;
};

struct Task {
    struct promise_type {
        std::coroutine_handle<> waiter = std::noop_coroutine();
        int value = 0;

        Task get_return_object() { return Task(Handle::from_promise(*this)); }
        std::suspend_always initial_suspend() noexcept { return {}; }
        struct Final {
            bool await_ready() noexcept { return false; }
            std::coroutine_handle<> await_suspend(
                std::coroutine_handle<promise_type> self) noexcept {
                return self.promise().waiter;
            }
            void await_resume() noexcept {}
        };
        Final final_suspend() noexcept { return {}; }
        void return_value(int made) { value = made; }
        [[noreturn]] void unhandled_exception() { std::abort(); }
    };
    using Handle = std::coroutine_handle<promise_type>;

    explicit Task(Handle made) : handle(made) {}
    Task(Task&& other) noexcept : handle(std::exchange(other.handle, nullptr)) {}
    ~Task() {
        if (handle) handle.destroy();
    }

    bool await_ready() { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) {
        handle.promise().waiter = waiter;
        return handle;
    }
    int await_resume() { return handle.promise().value; }

    Handle handle;
};

int run(Task task) {
    task.handle.resume();
    return task.handle.done() ? task.handle.promise().value : -1;
}

// Each shape returns 1 and must leave the expected number of owners destroyed and none alive.
bool behaves(const char* shape, Task (*start)(), int owners) {
    Owner::alive = Owner::destroyed = 0;
    const bool good = run(start()) == 1 && Owner::alive == 0 && Owner::destroyed == owners;
    if (!good) std::fprintf(stderr, "miscompiled: %s\n", shape);
    return good;
}

Task keep(Owner) {
    co_return 1;
}
Task take(Aggregate aggregate) {
    co_return aggregate.number;
}
template <class Callable>
Task call(Callable callable) {
    co_return callable();
}
Task yes() {
    co_return 1;
}

Task aggregate_temporary() {
    co_return co_await take({Owner{}, 1});
}
Task aggregate_named_temporary() {
    co_return co_await take(Aggregate{Owner{}, 1});
}
Task owning_lambda() {
    co_return co_await call([owner = Owner{}] { return owner.owns ? 1 : 0; });
}
Task owning_lambda_of_local() {
    Owner local;
    co_return co_await call([owner = std::move(local)] { return owner.owns ? 1 : 0; });
}
Task moved_parameter() {
    Owner owner;
    co_return co_await keep(std::move(owner));
}
Task branch_without_locals() {
    if (co_await yes()) co_return 1;
    co_return 0;
}
Task negated_branch_without_locals() {
    if (!co_await yes()) co_return 0;
    co_return 1;
}

// A stack frame for each step would take tens of megabytes and exceed any usual stack limit.
Task symmetric_transfer() {
    int sum = 0;
    for (int step = 0; step < 1'000'000; ++step) sum += co_await yes();
    co_return sum == 1'000'000;
}

}  // namespace

int main() {
    bool good = true;
    good &= behaves("an aggregate temporary in a co_await", aggregate_temporary, 1);
    good &= behaves("a named aggregate temporary in a co_await", aggregate_named_temporary, 1);
    good &= behaves("an owning lambda in a co_await", owning_lambda, 1);
    good &= behaves("an owning lambda that takes a local", owning_lambda_of_local, 1);
    good &= behaves("a parameter moved into a coroutine", moved_parameter, 1);
    good &= behaves("if (co_await x) without locals", branch_without_locals, 0);
    good &= behaves("if (!co_await x) without locals", negated_branch_without_locals, 0);
    good &= behaves("a million symmetric transfers", symmetric_transfer, 0);
    return good ? 0 : 1;
}
