// Access times that the metadata service has not been told yet. They are sent in the end, many at
// once.
#pragma once

#include <unordered_map>

#include "lib/task/scope.h"
#include "lib/vfs/nodes.h"
#include "lib/vfs/session.h"

namespace flexfs::vfs {

class Accesses {
public:
    // `came` is woken when the first one comes. All of them must outlive it.
    Accesses(Loop& loop, Session& session, Nodes& nodes, task::WaitList& came)
        : loop_(loop), session_(session), nodes_(nodes), came_(came) {}

    void add(Node& node, Time when);
    // The access time was set otherwise.
    void forget(Ino ino);
    bool empty() const { return times_.empty(); }
    // When the first one is to be sent, by the loop's clock; Duration::max() without any.
    Duration due() const;
    // Sends all. On an error those that were not sent are lost.
    Task<void> send();
    // Ends what is under way.
    Task<void> close() { return scope_.close(); }

private:
    Loop& loop_;
    Session& session_;
    Nodes& nodes_;
    task::WaitList& came_;
    std::unordered_map<Ino, Time> times_;
    Duration since_{};  // by the loop's clock: the first one came
    Scope scope_;
};

}  // namespace flexfs::vfs
