// Scope: the owner of running tasks. Everything started in it has ended before it may be destroyed.
#pragma once

#include <vector>

#include "lib/task/task.h"
#include "lib/task/wait.h"

namespace flexfs::task {

class Scope {
public:
    Scope() = default;
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { check(running_ == 0); }

    // Runs until its first wait, here and now. `stop` defaults to the scope's own.
    void start(Task<void> task, StopSource* stop = nullptr);
    std::size_t running() const { return running_; }

    // Until nothing runs any more. The first error that a task ended with since the last join,
    // ECANCELED excepted.
    Task<void> join();
    // Everything that waits in it ends with ECANCELED.
    void cancel() { stop_.request(); }
    bool cancelled() const { return stop_.requested(); }
    // cancel(), then join() whatever they end with.
    Task<void> close();

private:
    struct Runner;
    static Runner drive(Scope& scope, Task<void> task);

    StopSource stop_;
    WaitList joiners_;
    std::size_t running_ = 0;
    Error first_error_;
};

// Runs all at the same time; ends when the last has, with the first error.
Task<void> all(std::vector<Task<void>> tasks);

}  // namespace flexfs::task

namespace flexfs {
using task::Scope;
}
