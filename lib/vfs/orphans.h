// Inodes whose last link is gone and that somebody here still uses: the service frees them when
// this client lets go of them. It is told of many at once.
#pragma once

#include <deque>
#include <unordered_set>

#include "lib/task/sync.h"
#include "lib/vfs/flusher.h"

namespace flexfs::vfs {

class Orphans {
public:
    // All of them must outlive it.
    Orphans(Loop& loop, Session& session, Nodes& nodes, Flusher& flusher)
        : loop_(loop), session_(session), nodes_(nodes), flusher_(flusher) {}

    // It has no link, and this client holds it.
    void add(Ino ino);
    // It has one again.
    void remove(Ino ino);
    bool holds(Ino ino) const { return held_.contains(ino); }
    // The kernel does not know the inode any more. Lets go of it, unless a handle has it open.
    void forgotten(Ino ino);
    // Somebody needs the room: the service has heard of all of them when this ends, or its disk is
    // full.
    Task<void> release_now();

    void hand_over(HandedOver& to) const;
    void take_over(const HandedOver& from);
    Task<void> close() { return scope_.close(); }

private:
    void release(Ino ino);
    void start_sending();
    Task<void> send();
    Task<void> send_some();  // ENOSPC: not now

    Loop& loop_;
    Session& session_;
    Nodes& nodes_;
    Flusher& flusher_;
    std::unordered_set<Ino> held_;
    std::deque<Ino> released_;  // to be sent, or sent and not answered
    bool sending_ = false;
    task::Mutex asking_;
    Scope scope_;
};

}  // namespace flexfs::vfs
