// How long the loop keeps polling its descriptors before it sleeps. A sleeping processor takes 50
// to 200 us to wake on a virtual machine, which is more than all our work for a request; so a busy
// loop polls on for a moment. It must not take time from anybody: the moment is short, polling in
// vain is bounded as a share of the processor and given up where it does not pay, and there is none
// while other threads could use every processor.
#pragma once

#include "lib/base/time.h"

namespace flexfs::loop {

class Spin {
public:
    // How long to poll now that there is nothing to do; 0: go to sleep at once.
    Duration span(Duration now);
    // Polling found nothing in `spent`.
    void missed(Duration now, Duration spent);
    void found() { misses_ = 0; }

    // When the crowd is to be counted next, and what was counted: threads that run or could, this
    // one included, and the processors there are.
    bool wants_count(Duration now) const { return now >= count_at_; }
    void counted(Duration now, int running, int processors);

private:
    Duration budget_{std::chrono::milliseconds(20)};  // what may still be spent in vain
    Duration refilled_{};
    Duration quiet_until_{};
    Duration count_at_{};
    bool crowded_ = false;
    int misses_ = 0;  // in a row
};

// The count of Spin::counted, from the kernel. 0 where it is not to be had.
int running_threads();

}  // namespace flexfs::loop
