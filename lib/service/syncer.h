// Syncs of the volume's log, shared by all who wait for one.
#pragma once

#include "lib/loop/loop.h"
#include "lib/meta/volume.h"
#include "lib/task/scope.h"

namespace flexfs::service {

class Syncer {
public:
    Syncer(Loop& loop, meta::Volume& volume) : loop_(loop), volume_(volume) {}

    // The volume was changed.
    void changed() { ++changes_; }
    // How often it was told so.
    std::uint64_t changes() const { return changes_; }
    // Every change so far is on disk when it ends: at once when it is already. A sync that began
    // after the change serves everybody who waits for it. EIO: the disk failed, now and for ever.
    Task<void> sync();
    // Until no sync runs.
    Task<void> close() { return scope_.join(); }

    // Syncs of the disk so far.
    std::uint64_t syncs() const { return syncs_; }

private:
    Task<void> run();

    Loop& loop_;
    meta::Volume& volume_;
    std::uint64_t changes_ = 1;  // what an earlier process left may not be on disk either
    std::uint64_t synced_ = 0;   // of the changes
    std::uint64_t syncs_ = 0;
    bool running_ = false;
    Error failure_;
    task::WaitList waiting_;
    Scope scope_;
};

}  // namespace flexfs::service
