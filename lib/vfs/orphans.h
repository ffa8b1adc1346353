// Inodes whose last link was removed while they are still in use on this client. The service frees
// an inode when every client has released it; releases are sent in batches.
#pragma once

#include <deque>
#include <unordered_set>

#include "lib/task/sync.h"
#include "lib/vfs/flusher.h"

namespace flexfs::vfs {

class Orphans {
public:
    // All parameters must outlive this object.
    Orphans(Loop& loop, Session& session, Nodes& nodes, Flusher& flusher)
        : loop_(loop), session_(session), nodes_(nodes), flusher_(flusher) {}

    // The last link was removed, and the service keeps the inode for this client.
    void add(Ino ino);
    // The inode has a link again.
    void remove(Ino ino);
    bool holds(Ino ino) const { return held_.contains(ino); }
    // The kernel no longer knows the inode. Releases it unless a handle has it open.
    void forgotten(Ino ino);
    // Sends all releases now, because a caller needs the space. When this returns the service has
    // executed them, or its disk is full.
    Task<void> release_now();

    void hand_over(HandedOver& to) const;
    void take_over(const HandedOver& from);
    Task<void> close() { return scope_.close(); }

private:
    void release(Ino ino);
    void start_sending();
    Task<void> send();
    Task<void> send_some();  // ENOSPC: must be retried later

    Loop& loop_;
    Session& session_;
    Nodes& nodes_;
    Flusher& flusher_;
    std::unordered_set<Ino> held_;
    std::deque<Ino> released_;  // to be sent, or sent and unanswered
    bool sending_ = false;
    task::Mutex asking_;
    Scope scope_;
};

}  // namespace flexfs::vfs
