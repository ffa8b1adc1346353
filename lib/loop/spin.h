// Decides how long the loop keeps polling its descriptors before it sleeps. A sleeping processor
// takes 50 to 200 us to wake on a virtual machine, which is longer than all our work for a request;
// so a busy loop keeps polling for a moment. Polling must not take time from other threads or
// processes: the moment is short, unsuccessful polling is bounded as a share of the processor time
// and suspended if it does not pay, and the loop does not poll while other threads could use every
// processor.
#pragma once

#include "lib/base/time.h"

namespace flexfs::loop {

class Spin {
public:
    // Returns how long to poll now that no task is ready; 0 means to sleep at once.
    Duration span(Duration now);
    // Reports that polling for `spent` found no work.
    void missed(Duration now, Duration spent);
    void found() { misses_ = 0; }

    // The loop asks wants_count() whether it is time to count, and reports the counts to counted():
    // the threads that are running or runnable, this one included, and the processors.
    bool wants_count(Duration now) const { return now >= count_at_; }
    void counted(Duration now, int running, int processors);

private:
    Duration budget_{std::chrono::milliseconds(20)};  // left for unsuccessful polling
    Duration refilled_{};
    Duration quiet_until_{};
    Duration count_at_{};
    bool crowded_ = false;
    int misses_ = 0;  // consecutive
};

// Returns the number of running threads for Spin::counted(), from the kernel, or 0 if it cannot be
// read.
int running_threads();

}  // namespace flexfs::loop
