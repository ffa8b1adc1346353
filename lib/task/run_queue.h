// The coroutines of this thread that are ready to go on. Whoever owns the thread (the loop; a test)
// drains it.
#pragma once

#include <coroutine>
#include <vector>

namespace flexfs::task {

class RunQueue {
public:
    // Of the calling thread.
    static RunQueue& current();

    void push(std::coroutine_handle<> ready) { ready_.push_back(ready); }
    bool empty() const { return ready_.empty(); }
    // Resumes, in order, all that is ready and all that becomes so meanwhile.
    void drain();

private:
    std::vector<std::coroutine_handle<>> ready_;
    std::vector<std::coroutine_handle<>> running_;
};

}  // namespace flexfs::task
