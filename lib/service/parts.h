// The parts of a service, which its handlers share.
#pragma once

#include "lib/service/batch.h"
#include "lib/service/grants.h"
#include "lib/service/journal_log.h"
#include "lib/service/maintenance.h"
#include "lib/service/service.h"
#include "lib/service/sessions.h"
#include "lib/task/scope.h"

namespace flexfs::service {

struct Service::Parts {
    Parts(Loop& on, meta::Volume& of, Options wanted);

    Loop& loop;
    meta::Volume& volume;
    const Options options;
    Sessions sessions;
    JournalLog log;
    Grants grants;
    Batch batch;
    Maintenance maintenance;
    Scope scope;
    std::unique_ptr<Loop::Registration> hook;
    Duration grace_end{};  // by the loop's clock
    task::Event ready;     // sessions may be opened

    void prepare(std::span<meta::Call> calls);
    void end_of_turn();
    void adopt_sessions();
    Task<void> end_adopted(std::shared_ptr<Session> session);
    Task<void> skip_numbers();
    void end_grace_if_over(Duration now);
    // Called when the session's lease has expired.
    void lapse(Session& session);
    // Ends the session. EIO, ENOSPC: the session still exists.
    Task<void> end(std::shared_ptr<Session> session);
    Task<void> end_expired(Duration now);
    Task<void> watch_leases();
};

}  // namespace flexfs::service
