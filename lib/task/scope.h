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

    // Runs the task to its first wait, then returns. `stop` defaults to that of the scope.
    void start(Task<void> task, StopSource* stop = nullptr);
    std::size_t running() const { return running_; }

    // Waits until no task runs. Fails with the first error of a task other than ECANCELED; if
    // several joins wait, only one of them gets the error.
    Task<void> join();
    // Ends all present and later waits of its tasks with ECANCELED.
    void cancel() { stop_.request(); }
    bool cancelled() const { return stop_.requested(); }
    // Cancels all tasks, then waits for their end, whatever their outcome. A stop does not end
    // this wait.
    Task<void> close();

private:
    struct Runner;
    static Runner drive(Scope& scope, Task<void> task);

    StopSource stop_;
    WaitList joiners_;
    std::size_t running_ = 0;
    Error first_error_;
};

// Runs the tasks concurrently and ends when all have ended, with the first error. A stop of the
// awaiting task stops them. ECANCELED if any of them was stopped and none failed: success means
// that every task has done its work.
Task<void> all(std::vector<Task<void>> tasks);

}  // namespace flexfs::task

namespace flexfs {
using task::Scope;
}
