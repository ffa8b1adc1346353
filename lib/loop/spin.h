// How long the loop keeps polling its descriptors before it sleeps. A sleeping processor takes 50 to 200 us to wake on
// a virtual machine, which is more than all our work for a request; so a busy loop polls on for a moment. It must not
// take time from anybody: the moment is short, shrinks to nothing where polling does not pay, is bounded as a share
// of the processor, and is left out while other threads wait for a processor.
#pragma once

#include "lib/base/time.h"

namespace flexfs::loop {

class Spin {
public:
    // How long to poll now that there is nothing to do; 0: go to sleep at once.
    Duration span(Duration now);
    // What came of it: work was found after `spent`, or none was. `preempted`: somebody else wanted the processor.
    void found(Duration now, Duration spent);
    void missed(Duration now, Duration spent, bool preempted);

private:
    void refill(Duration now);

    Duration budget_{std::chrono::milliseconds(20)};  // what may still be spent in vain
    Duration refilled_{};
    Duration quiet_until_{};
    int misses_ = 0;  // in a row
};

}  // namespace flexfs::loop
