#include "lib/task/run_queue.h"

#include "lib/base/check.h"

namespace flexfs::task {

RunQueue& RunQueue::current() {
    static thread_local RunQueue queue;
    return queue;
}

void RunQueue::drain() {
    check(running_.empty());  // a coroutine that drains would starve the one that resumed it
    while (!ready_.empty()) {
        running_.swap(ready_);
        for (auto coroutine : running_) coroutine.resume();
        running_.clear();
    }
}

}  // namespace flexfs::task
