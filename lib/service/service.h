// The metadata of one volume, served: sessions, grants, group commit, exactly once, upkeep.
//
// A client in the same process calls the same handlers through the in-process rpc::Caller; its
// session has no lease and ends with the Caller, unless the process replaces its own image: then
// the next one resumes it. A session over a socket outlives its connection
// until its lease is over; OpenSession{resume} takes it up again. A client that resumes forgets
// what it holds shared (Revokes may have been lost) and is asked again for what it was asked to
// return.
#pragma once

#include <functional>
#include <memory>

#include "lib/loop/loop.h"
#include "lib/meta/volume.h"
#include "lib/object/store.h"
#include "lib/rpc/rpc.h"
#include "lib/wire/operations.h"

namespace flexfs::service {

struct Options {
    bool sync_always = false;  // every change is on the server's disk before it is answered
    Duration lease = std::chrono::seconds(20);
    // How long sessions that an earlier process left may be resumed; zero where their clients
    // cannot come back, as in a volume that is served within its only client, which starts.
    Duration grace{};
    std::size_t shared_max = 1 << 18;     // inodes with a shared grant that is written down
    std::size_t folders_max = 1 << 16;    // folders with names that clients may know
    std::size_t exclusive_max = 1 << 16;  // ranges of inodes with an exclusive one

    // Bounds of the log; checkpoints run in the pool.
    std::uint64_t log_checkpoint_bytes = 16 << 20;  // copied from here on
    std::uint64_t log_truncate_bytes = 64 << 20;    // a longer file is emptied when it is copied
    std::uint64_t log_bytes_max = 256 << 20;        // changes wait until it is shorter
    // Copied, however short, when nothing has changed for so long: who ends need not wait then.
    Duration log_settle = std::chrono::seconds(3);

    std::size_t upkeep_rows = 1000;  // of a huge file that is freed, per transaction
    Duration upkeep_pause = std::chrono::milliseconds(5);  // between these
    Duration garbage_pause = std::chrono::seconds(5);      // between looks for due segments
    // A segment with less than this share of its bytes alive is rewritten; 0: never.
    double repack_below = 0.25;
    Duration repack_age = std::chrono::minutes(10);  // younger ones may still be committed to
    Duration repack_pause =
        std::chrono::seconds(1);  // between steps of about 8 MiB: bounds the rate
    Duration repack_interval = std::chrono::minutes(10);  // between looks at all segments

    std::function<Time()> clock = wall_now;
};

// For metrics and tests.
struct Counters {
    std::uint64_t sessions = 0;
    std::uint64_t calls = 0;    // changes
    std::uint64_t batches = 0;  // their transactions
    std::uint64_t syncs = 0;    // of the log
    std::uint64_t checkpoints = 0;
    std::uint64_t segments_deleted = 0;
    std::uint64_t segments_repacked = 0;
};

class Service final : public rpc::Service<wire::Metadata> {
public:
    // Sessions of an earlier process end here, unless `options.grace` keeps them for a while.
    // All three must outlive the service.
    Service(Loop& loop, meta::Volume& volume, object::Store& store, Options options = {});
    // After close().
    ~Service() override;

    std::unique_ptr<rpc::Handler<wire::Metadata>> connected(
        rpc::Pusher<wire::Metadata>& client) override;

    // Ends upkeep and waits for it; requests are answered until the service is destroyed. The
    // handlers go before it.
    Task<void> close();

    Counters counters() const;

    // For tests: ends the sessions whose lease is over at `now` (of the loop's clock), as happens
    // by itself.
    Task<void> end_expired(Duration now);
    // For tests: does all upkeep that is due, now. The first error.
    Task<void> upkeep();

    struct Parts;  // for this module

private:
    std::unique_ptr<Parts> parts_;
};

}  // namespace flexfs::service
