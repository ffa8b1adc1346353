// Serves the metadata of one volume: sessions, grants, group commit, and exactly-once execution.
//
// A client in the same process calls the same handlers through the in-process rpc::Caller. Its
// session has no lease and ends with the Caller, unless the process replaces its own image with
// exec(2): then the next image resumes the session.
//
// A session over a socket outlives its connection: OpenSession{resume} continues it with all its
// exclusive grants. The client discards its shared grants, because Revokes may have been lost, and
// receives every unanswered Recall again. When the lease expires, the session lapses and loses its
// grants. The remembered replies, its segments and its unlinked files stay until `linger` has
// passed, so that its requests are still executed exactly once and its unsent data can still be
// stored. A client that returns before that continues the session without any grant.
//
// After a restart of the server the sessions of the earlier process are resumed in the same way.
// Until all their clients have reported which exclusive grants they hold, or `grace` has passed,
// requests that could conflict with such a grant wait.
#pragma once

#include <functional>
#include <memory>

#include "lib/loop/loop.h"
#include "lib/meta/volume.h"
#include "lib/rpc/rpc.h"
#include "lib/wire/operations.h"

namespace flexfs::service {

struct Options {
    bool sync_always = false;  // each change is on the server's disk before its reply
    Duration lease = std::chrono::seconds(20);
    // How long sessions of an earlier process keep their grants. Zero if their clients cannot come
    // back, as in a volume that is served within its only client, which is just starting.
    Duration grace{};
    // The previous process handed the volume over without closing it, so nothing that it applied is
    // lost.
    bool handed_over = false;
    Duration linger = std::chrono::hours(1);  // of a lapsed session; zero ends it at once
    std::size_t lapsed_max = 1024;            // beyond that, the oldest lapsed sessions end
    std::size_t shared_max = 1 << 18;         // inodes whose shared grants are recorded
    std::size_t folders_max = 1 << 16;        // folders whose names clients may cache
    std::size_t exclusive_max = 1 << 16;      // ranges of inodes with an exclusive grant

    // Bounds of the log; checkpoints run in the pool.
    std::uint64_t log_checkpoint_bytes = 16 << 20;  // a longer log is copied
    std::uint64_t log_truncate_bytes = 64 << 20;    // a longer log is truncated when it is copied
    std::uint64_t log_bytes_max = 256 << 20;        // changes wait while the log is longer
    // A log of any length is copied when nothing has changed for this long, so that a later
    // shutdown need not wait for it.
    Duration log_settle = std::chrono::seconds(3);

    std::size_t upkeep_rows = 1000;                        // rows of a huge file freed per call
    Duration upkeep_pause = std::chrono::milliseconds(5);  // between these calls

    // Changes wait while this returns false; it is asked at the end of each turn. Null: they never
    // have to.
    std::function<bool()> may_change;

    std::function<Time()> clock = wall_now;
};

// For metrics and tests.
struct Counters {
    std::uint64_t sessions = 0;
    std::uint64_t shared_grants = 0;
    std::uint64_t calls = 0;    // changes
    std::uint64_t batches = 0;  // records of the log that contain them
    std::uint64_t syncs = 0;    // of the log
    std::uint64_t checkpoints = 0;
};

// The client name under which the server's own modules open a session. Such a session of an earlier
// process is ended at the start.
inline constexpr std::string_view own_client = "repacking";

// Opens a volume in the pool, because replaying the log of a killed process and migrations may take
// long. Errors as meta::Volume::open().
Task<std::unique_ptr<meta::Volume>> open_volume(Loop& loop, meta::Options options);
// Commits pending changes, copies the log and closes the volume, in the pool.
Task<void> close_volume(Loop& loop, std::unique_ptr<meta::Volume> volume);

class Service final : public rpc::Service<wire::Metadata> {
public:
    // Ends the sessions of an earlier process, unless `options.grace` keeps them for a while.
    // `loop` and `volume` must outlive the service.
    Service(Loop& loop, meta::Volume& volume, Options options = {});
    // close() must have ended before.
    ~Service() override;

    std::unique_ptr<rpc::Handler<wire::Metadata>> connected(
        rpc::Pusher<wire::Metadata>& client) override;

    // The server's own modules, such as lib/upkeep, use the following.

    // Applies changes as the service itself (session 0) or as a session of the module's own. They
    // go through the log like those of clients, as one record, and are announced to clients.
    // Returns the outcome of each.
    Task<std::vector<Result<meta::Reply>>> apply(wire::SessionId session,
                                                 std::vector<meta::Request> requests);
    // Waits until everything applied so far is durable. EIO.
    Task<void> sync();

    // Stops the background tasks and waits for them. Requests are answered until the service is
    // destroyed; the handlers must be destroyed before it.
    Task<void> close();

    Counters counters() const;
    const wire::VolumeInfo& volume() const;

    // For tests: ends the sessions whose lease has expired at `now` (of the loop's clock), which
    // otherwise happens in the background.
    Task<void> end_expired(Duration now);
    // For tests: frees everything that is due and copies the log, now. Returns the first error.
    Task<void> maintain();

    struct Parts;  // used only within this module

private:
    std::unique_ptr<Parts> parts_;
};

}  // namespace flexfs::service
