// The metadata of one volume, served: sessions, grants, group commit, exactly once.
//
// A client in the same process calls the same handlers through the in-process rpc::Caller; its
// session has no lease and ends with the Caller, unless the process replaces its own image: then
// the next one resumes it.
//
// A session over a socket outlives its connection: OpenSession{resume} continues it with all its
// exclusive grants. The client forgets what it holds shared, because Revokes may have been lost,
// and is asked again for what it was asked to return. When the lease runs out the session lapses:
// its grants are gone, but what makes its requests exactly once and its unsent data storable (the
// remembered replies, its segments, its unlinked files) stays until `linger` is over. A client that
// comes back before that continues the session without any grant.
//
// After a restart of the server the sessions of the process before are resumed the same way. Until
// all their clients have said which exclusive grants they hold, or `grace` is over, requests wait
// that such a grant could be in the way of.
#pragma once

#include <functional>
#include <memory>

#include "lib/loop/loop.h"
#include "lib/meta/volume.h"
#include "lib/rpc/rpc.h"
#include "lib/wire/operations.h"

namespace flexfs::service {

struct Options {
    bool sync_always = false;  // every change is on the server's disk before it is answered
    Duration lease = std::chrono::seconds(20);
    // How long sessions that an earlier process left keep their grants; zero where their clients
    // cannot come back, as in a volume that is served within its only client, which starts.
    Duration grace{};
    Duration linger = std::chrono::hours(1);  // of a lapsed session; zero: it ends at once
    std::size_t lapsed_max = 1024;            // of more, those that lapsed first end
    std::size_t shared_max = 1 << 18;         // inodes with a shared grant that is written down
    std::size_t folders_max = 1 << 16;        // folders with names that clients may know
    std::size_t exclusive_max = 1 << 16;      // ranges of inodes with an exclusive one

    // Bounds of the log; checkpoints run in the pool.
    std::uint64_t log_checkpoint_bytes = 16 << 20;  // copied from here on
    std::uint64_t log_truncate_bytes = 64 << 20;    // a longer file is emptied when it is copied
    std::uint64_t log_bytes_max = 256 << 20;        // changes wait until it is shorter
    // Copied, however short, when nothing has changed for so long: who ends need not wait then.
    Duration log_settle = std::chrono::seconds(3);

    std::size_t upkeep_rows = 1000;                        // of a huge file that is freed, per call
    Duration upkeep_pause = std::chrono::milliseconds(5);  // between these

    std::function<Time()> clock = wall_now;
};

// For metrics and tests.
struct Counters {
    std::uint64_t sessions = 0;
    std::uint64_t calls = 0;    // changes
    std::uint64_t batches = 0;  // their transactions
    std::uint64_t syncs = 0;    // of the log
    std::uint64_t checkpoints = 0;
};

// The name under which the server's own modules open a session. One that an earlier process left is
// over.
inline constexpr std::string_view own_client = "repacking";

// Opens a volume in the pool: applying what a killed process left, and migrations, may take long.
// Errors as meta::Volume::open().
Task<std::unique_ptr<meta::Volume>> open_volume(Loop& loop, meta::Options options);
// Commits what is pending, copies the log and closes the volume, in the pool.
Task<void> close_volume(Loop& loop, std::unique_ptr<meta::Volume> volume);

class Service final : public rpc::Service<wire::Metadata> {
public:
    // Sessions of an earlier process end here, unless `options.grace` keeps them for a while.
    // Both must outlive the service.
    Service(Loop& loop, meta::Volume& volume, Options options = {});
    // After close().
    ~Service() override;

    std::unique_ptr<rpc::Handler<wire::Metadata>> connected(
        rpc::Pusher<wire::Metadata>& client) override;

    // --- for the server's own modules (lib/upkeep) ---

    // Changes as the service itself (session 0), or as a session of the module's own. They go
    // through the log like those of clients, all in one record, and are announced to clients. The
    // outcome of each.
    Task<std::vector<Result<meta::Reply>>> apply(wire::SessionId session,
                                                 std::vector<meta::Request> requests);
    // Everything applied so far is durable when it ends. EIO.
    Task<void> sync();

    // Ends what runs in the background and waits for it; requests are answered until the service is
    // destroyed. The handlers go before it.
    Task<void> close();

    Counters counters() const;
    const wire::VolumeInfo& volume() const;

    // For tests: ends the sessions whose lease is over at `now` (of the loop's clock), as happens
    // by itself.
    Task<void> end_expired(Duration now);
    // For tests: frees what is to be freed and copies the log, now. The first error.
    Task<void> maintain();

    struct Parts;  // for this module

private:
    std::unique_ptr<Parts> parts_;
};

}  // namespace flexfs::service
