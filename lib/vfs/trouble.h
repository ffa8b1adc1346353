// Trouble with writing back: the store or the metadata service refuses data, or is away. What
// cannot leave is tried again with growing pauses; meanwhile a writer that would have to wait for
// memory gets the error instead.
#pragma once

#include "lib/cache/budget.h"
#include "lib/loop/loop.h"
#include "lib/vfs/vfs.h"

namespace flexfs::vfs {

class Trouble {
public:
    // Both must outlive it.
    Trouble(Loop& loop, cache::Budget& budget) : loop_(loop), budget_(budget) {}

    // An attempt failed. Logged when it is the first.
    void add(const Error& error);
    // An attempt succeeded.
    void end();
    // Data may leave at once again; the trouble lasts until an attempt succeeds.
    void retry_now();

    // Nothing is to be tried before until(), by the loop's clock.
    bool is_pausing() const { return pausing_; }
    Duration until() const { return pausing_ ? until_ : Duration{}; }
    // Of the last attempt; meaningful while is_pausing().
    const Error& error() const { return error_; }
    // For status; its code is 0 without trouble.
    WriteBackTrouble report() const;

private:
    Loop& loop_;
    cache::Budget& budget_;
    Error error_;
    Time since_ = 0;  // by the wall's clock; 0: there is none
    bool pausing_ = false;
    Duration pause_{}, until_{};
};

}  // namespace flexfs::vfs
