// The coroutines of this thread that are ready to resume. The owner of the thread (the loop, or a
// test) drains the queue.
#pragma once

#include <coroutine>
#include <vector>

namespace flexfs::task {

class RunQueue {
public:
    // Returns the queue of the calling thread.
    static RunQueue& current();

    void push(std::coroutine_handle<> ready) { ready_.push_back(ready); }
    bool empty() const { return ready_.empty(); }
    // Resumes in order every coroutine that is ready, and those that become ready meanwhile.
    void drain();

private:
    std::vector<std::coroutine_handle<>> ready_;
    std::vector<std::coroutine_handle<>> running_;
};

}  // namespace flexfs::task
