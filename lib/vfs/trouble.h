// Trouble with writing back: the store or the metadata service refuses data or cannot be reached.
// Writing back is retried with growing pauses; meanwhile a writer that would have to wait for
// memory gets the error instead.
#pragma once

#include "lib/cache/budget.h"
#include "lib/loop/loop.h"
#include "lib/vfs/vfs.h"

namespace flexfs::vfs {

class Trouble {
public:
    // Both parameters must outlive this object.
    Trouble(Loop& loop, cache::Budget& budget) : loop_(loop), budget_(budget) {}

    // Records a failed attempt. The first one is logged.
    void add(const Error& error);
    // Records a successful attempt.
    void end();
    // Ends the pause; the trouble lasts until an attempt succeeds.
    void retry_now();

    // Whether nothing may be retried before until(), by the loop's clock.
    bool is_pausing() const { return pausing_; }
    Duration until() const { return pausing_ ? until_ : Duration{}; }
    // The error of the last attempt; meaningful while is_pausing().
    const Error& error() const { return error_; }
    // For status; its code is 0 if there is no trouble.
    WriteBackTrouble report() const;

private:
    Loop& loop_;
    cache::Budget& budget_;
    Error error_;
    Time since_ = 0;  // wall clock; 0: there is no trouble
    bool pausing_ = false;
    Duration pause_{}, until_{};
};

}  // namespace flexfs::vfs
