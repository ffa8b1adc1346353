// The log of a volume, as its service sees it: changes go in, in one order for everybody, and come
// out applied.
//
// What is behind it decides where the records live. JournalLog keeps them in the journal beside
// this machine's database, and applies a change before append() returns. A log that is replicated
// answers later, when enough machines have the record; nothing in the service depends on which it
// is.
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

    // Puts the calls, as one record, behind everything appended before. When they are applied to
    // this machine's volume, `applied` gets an outcome for each: once, on the loop's thread, in the
    // order of the appends, perhaps before append() returns. The calls stay where they are until
    // then. An outcome that is an error and is not marked `refused` leaves open whether the call is
    // in the log.
    virtual void append(std::span<const meta::Call> calls, Applied applied) = 0;

    // Everything applied so far is durable when it ends. EIO: it may not be, now and for ever. A
    // wait that is cancelled, or fails, takes nothing back: what was applied stays applied.
    virtual Task<void> sync() = 0;
};

}  // namespace flexfs::service
