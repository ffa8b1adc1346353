#include "lib/task/sync.h"

namespace flexfs::task {

Task<void> Semaphore::acquire(std::size_t units) {
    if (try_acquire(units)) co_return;
    auto granted = co_await result(waiting_.wait(units));
    if (!granted) hand_out();  // those behind may have waited for this one only
    co_await std::move(granted);
}

void Semaphore::hand_out() {
    while (!waiting_.empty() && waiting_.next_units() <= free_) {
        free_ -= waiting_.next_units();
        waiting_.wake_one();
    }
}

}  // namespace flexfs::task
