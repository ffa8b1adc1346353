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

    // Runs it until its first wait before returning. `stop` defaults to the scope's own.
    void start(Task<void> task, StopSource* stop = nullptr);
    std::size_t running() const { return running_; }

    // Waits until nothing runs. Fails with the first error that a task ended with, except
    // ECANCELED; of several joins that wait, only one gets it.
    Task<void> join();
    // Everything that waits in it, now or later, ends with ECANCELED.
    void cancel() { stop_.request(); }
    bool cancelled() const { return stop_.requested(); }
    // cancel(), then waits for the end of all whatever their outcome. A stop does not end this
    // wait.
    Task<void> close();

private:
    struct Runner;
    static Runner drive(Scope& scope, Task<void> task);

    StopSource stop_;
    WaitList joiners_;
    std::size_t running_ = 0;
    Error first_error_;
};

// Runs all at the same time and ends when the last has ended, with the first error. A stop of the
// awaiting task stops them. ECANCELED, if any of them was stopped and none failed: success means
// that every task has done its work.
Task<void> all(std::vector<Task<void>> tasks);

}  // namespace flexfs::task

namespace flexfs {
using task::Scope;
}
