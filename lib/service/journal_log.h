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
    // Callers share one sync: a sync that began after a change serves every caller that waits for
    // that change. Returns at once if everything is durable already.
    Task<void> sync() override;
    // Waits until no sync is running.
    Task<void> close() { return scope_.join(); }

    // Numbers of records appended and of disk syncs so far.
    std::uint64_t changes() const { return changes_; }
    std::uint64_t syncs() const { return syncs_; }

private:
    Task<void> run();

    Loop& loop_;
    meta::Volume& volume_;
    std::uint64_t changes_ = 1;  // records of an earlier process may not be on disk yet
    std::uint64_t synced_ = 0;   // the value of changes_ at the last sync
    std::uint64_t syncs_ = 0;
    bool running_ = false;
    Error failure_;
    task::WaitList waiting_;
    Scope scope_;
};

}  // namespace flexfs::service
