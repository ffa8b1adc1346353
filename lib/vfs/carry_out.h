// Work that continues when its caller stops waiting for it. A change that was sent has an outcome,
// which the client must learn even if a signal interrupted the system call.
#pragma once

#include <memory>
#include <optional>

#include "lib/task/scope.h"
#include "lib/task/sync.h"

namespace flexfs::vfs {

template <class T>
struct CarriedOut {
    std::optional<Result<T>> outcome;
    task::Event ended;
};

template <class T>
Task<void> run_to_its_end(std::shared_ptr<CarriedOut<T>> state, Task<T> work) {
    state->outcome = co_await result(std::move(work));
    state->ended.set();
}

// Runs `work`, which `scope` owns, and returns its result. ECANCELED: the caller was stopped, and
// the work continues.
template <class T>
Task<T> carry_out(Scope& scope, Task<T> work) {
    auto state = std::make_shared<CarriedOut<T>>();
    scope.start(run_to_its_end(state, std::move(work)));
    co_await state->ended.wait();
    co_return co_await std::move(*state->outcome);
}

}  // namespace flexfs::vfs
