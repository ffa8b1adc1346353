// Access times that have not been sent to the metadata service yet. They are sent later, many at
// once.
#pragma once

#include <unordered_map>

#include "lib/task/scope.h"
#include "lib/task/sync.h"
#include "lib/vfs/nodes.h"
#include "lib/vfs/session.h"

namespace flexfs::vfs {

class Accesses {
public:
    // `came` is woken when the first one arrives. All parameters must outlive this object.
    Accesses(Loop& loop, Session& session, Nodes& nodes, task::WaitList& came)
        : loop_(loop), session_(session), nodes_(nodes), came_(came) {}

    void add(Node& node, Time when);
    // Drops the pending access time, because another one was set.
    void forget(Ino ino);
    bool empty() const { return times_.empty(); }
    // Returns when the first one must be sent, by the loop's clock; Duration::max() if there is
    // none.
    Duration due() const;
    // Sends all of them. After an error, those that were not refused are kept for the next time.
    Task<void> send();
    // Ends all running tasks.
    Task<void> close() { return scope_.close(); }

private:
    void answered(Ino ino, Time when, bool is_sent);

    Loop& loop_;
    Session& session_;
    Nodes& nodes_;
    task::WaitList& came_;
    std::unordered_map<Ino, Time> times_;
    Duration since_{};  // by the loop's clock: when the oldest was added
    task::Mutex sending_;
    Scope scope_;
};

}  // namespace flexfs::vfs
