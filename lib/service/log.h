// The log of a volume, as its service sees it: changes are appended in one order for all clients
// and are applied in that order.
//
// The implementation decides where the records live. JournalLog keeps them in the journal beside
// this machine's database and applies a change before append() returns. A replicated log answers
// later, when enough machines have the record. Nothing in the service depends on which one is used.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "lib/meta/volume.h"
#include "lib/task/task.h"

namespace flexfs::service {

class Log {
public:
    using Applied = std::function<void(std::vector<meta::Outcome>)>;

    virtual ~Log() = default;

    // Appends the calls as one record. Returns false if it cannot take changes at present: then
    // nothing has happened, and the caller tries again at the end of a later turn. When they have
    // been applied to this machine's volume, `applied` receives one outcome for each call: once, on
    // the loop's thread, in the order of the appends, possibly before append() returns. The calls
    // must stay in place until then. If an outcome is an error that is not marked `refused`, the
    // call may or may not be in the log.
    [[nodiscard]] virtual bool append(std::span<const meta::Call> calls, Applied applied) = 0;

    // Waits until everything applied so far is durable. EIO: durability can no longer be
    // guaranteed, now or later. If the wait is cancelled or fails, applied changes stay applied.
    virtual Task<void> sync() = 0;
};

}  // namespace flexfs::service
