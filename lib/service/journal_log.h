// The log of a volume that one machine serves: the journal beside its database.
#pragma once

#include "lib/loop/loop.h"
#include "lib/service/log.h"
#include "lib/task/scope.h"

namespace flexfs::service {

class JournalLog final : public Log {
public:
    // Both must outlive it.
    JournalLog(Loop& loop, meta::Volume& volume) : loop_(loop), volume_(volume) {}

    void append(std::span<const meta::Call> calls, Applied applied) override;
    // Shared by all who wait: a sync that began after a change serves everybody who waits for it.
    // Ends at once if everything is durable already.
    Task<void> sync() override;
    // Until no sync runs.
    Task<void> close() { return scope_.join(); }

    // Records so far, and syncs of the disk.
    std::uint64_t changes() const { return changes_; }
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
