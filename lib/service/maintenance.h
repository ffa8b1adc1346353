// Background maintenance of a volume's database: checkpoints copy its log, and objects that were
// too large to free in one call, such as the extents of a huge file, are freed. It runs in bounded
// steps; everything that waits for the disk runs in the pool.
#pragma once

#include "lib/loop/loop.h"
#include "lib/service/batch.h"
#include "lib/service/journal_log.h"
#include "lib/service/service.h"
#include "lib/task/scope.h"

namespace flexfs::service {

class Maintenance {
public:
    Maintenance(Loop& loop, meta::Volume& volume, JournalLog& log, Batch& batch,
                const Options& options)
        : loop_(loop), volume_(volume), log_(log), batch_(batch), options_(options) {}

    // Starts the background tasks.
    void start();
    Task<void> close();

    // Called at the end of each turn; wakes the tasks that have become due.
    void notice();
    // True if changes have to wait because the log is being cut, has become too long, or must be
    // copied to free space on a full disk.
    bool must_wait();

    // Does everything that is due, once.
    Task<void> run();

    std::uint64_t checkpoints() const { return checkpoints_; }

private:
    bool needs_copying() const;
    Task<void> free_in_steps();
    Task<void> checkpoint();
    Task<void> cut_log();
    Task<void> make_room();

    Task<void> keep_freeing();
    Task<void> keep_copying();
    Task<void> keep_settling();

    Loop& loop_;
    meta::Volume& volume_;
    JournalLog& log_;
    Batch& batch_;
    const Options& options_;
    bool copying_ = false;
    bool cutting_ = false;
    bool making_room_ = false;
    Duration cut_again_{};            // by the loop's clock; the log is not cut before
    std::uint64_t copied_bytes_ = 0;  // length of the log when it was last copied completely, or 0
    std::uint64_t checkpoints_ = 0;
    task::WaitList to_free_;
    task::WaitList to_copy_;
    task::WaitList to_settle_;
    task::WaitList copied_;
    std::uint64_t settled_ = 0;  // the value of the log's changes() when it was last settled
    Scope scope_;
};

}  // namespace flexfs::service
