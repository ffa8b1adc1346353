#include "lib/task/sync.h"

#include <algorithm>

namespace flexfs::task {

Task<void> Semaphore::acquire(std::size_t units) {
    if (try_acquire(units)) co_return;
    Turn turn{units, {}};
    turns_.push_back(&turn);
    auto granted = co_await result(turn.waiting.wait());
    if (!granted) {
        turns_.erase(std::ranges::find(turns_, &turn));
        hand_out();  // those behind may have waited for this one only
    }
    co_await std::move(granted);
}

void Semaphore::hand_out() {
    while (!turns_.empty() && turns_.front()->units <= free_) {
        Turn* turn = turns_.front();
        turns_.pop_front();
        free_ -= turn->units;
        turn->waiting.wake_one();
    }
}

}  // namespace flexfs::task
