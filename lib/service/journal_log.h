// The log of a volume that one machine serves: the journal beside its database.
#pragma once

#include "lib/loop/loop.h"
#include "lib/service/log.h"
#include "lib/task/scope.h"

namespace flexfs::service {

// The numbers that are skipped after a power cut: more than it can lose.
inline constexpr meta::SkipNumbers skipped_numbers{.inodes = 1 << 20, .seqs = 1 << 24};

class JournalLog final : public Log {
public:
    // Both must outlive it.
    JournalLog(Loop& loop, meta::Volume& volume)
        : loop_(loop), volume_(volume), synced_numbers_(volume.assigned()) {
        volume_.leave_copying_to_owner();
    }

    // Returns false if the disk is full and the volume's log must be copied first.
    bool append(std::span<const meta::Call> calls, Applied applied) override;
    bool wants_room() const { return room_ == Room::wanted; }
    // The log is copied, as far as that was possible: the next record is not put off again.
    void room_made() { room_ = Room::made; }
    // Callers share one sync: a sync that began after a change serves every caller that waits for
    // that change. Returns at once if everything is durable already.
    Task<void> sync() override;
    // Whether changes have to wait for a sync, because a power cut could lose more numbers than
    // are skipped after it.
    bool must_wait() const;
    // Waits until no sync is running.
    Task<void> close() { return scope_.join(); }

    // Grows by one with each record appended.
    std::uint64_t changes() const { return changes_; }
    // The number of disk syncs so far.
    std::uint64_t syncs() const { return syncs_; }

private:
    enum class Room { enough, wanted, made };
    void start_sync();
    Task<void> run();
    std::uint64_t share_at_risk() const;

    Loop& loop_;
    meta::Volume& volume_;
    meta::Volume::Assigned synced_numbers_;  // assigned before the last sync
    std::uint64_t changes_ = 1;              // records of an earlier process may not be on disk yet
    std::uint64_t synced_ = 0;               // the value of changes_ at the last sync
    std::uint64_t syncs_ = 0;
    bool running_ = false;
    Error failure_;
    Room room_ = Room::enough;
    task::WaitList waiting_;
    Scope scope_;
};

}  // namespace flexfs::service
