// co_await yield() resumes after every coroutine that is ready now.
#pragma once

#include <coroutine>

#include "lib/task/run_queue.h"

namespace flexfs::task {

struct Yield {
    struct Awaiter {
        explicit Awaiter(const Yield&) {}
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> self) { RunQueue::current().push(self); }
        void await_resume() const noexcept {}
    };
    using leaf_awaiter = void;
    template <bool hand_over>
    using leaf_awaiter_for = Awaiter;
};

inline Yield yield() {
    return {};
}

}  // namespace flexfs::task
