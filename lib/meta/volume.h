// The metadata of one volume: a deterministic, synchronous state machine over one SQLite database.
// It knows no loop, no socket and no clock; time, session and holders come with each call, new ids
// from counters in the database. Everything that changes the volume is a request that goes through
// apply(), and is in a record of its log; what a record does depends on the records before it
// alone.
//
// One thread owns a Volume and calls everything except sync(), checkpoint() and cut_log(), which
// may run in a pool thread meanwhile. open() and the destructor, which wait for the disk, may run
// on any thread while nothing else uses the volume.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/meta/requests.h"

namespace flexfs::meta {

class RowObserver;

struct Call {
    SessionId session = 0;       // 0: the service itself. One that is not open: ESTALE
    std::uint64_t sequence = 0;  // the session's own count of its requests; 0: not remembered
    Request request;
    Time now = 0;  // the service's clock; 0: that of the request, or of the call before
    // Who keeps the inode alive if this call takes its last link: every session with a grant on it,
    // the caller included if it may have it open. Empty: the inode is freed at once.
    std::vector<SessionId> holders = {};
    std::uint64_t oldest = 0;  // the session never asks again for what it sent before this one
    // As the journal has it; fields are only appended.
    FLEXFS_FIELDS(session, sequence, request, now, holders, oldest)
};

// What became of a call. The reply is an answer (Reply, or the errno that the message documents) or
// a fault (EIO, ENOSPC when the disk is full, …). In both error cases the call changed nothing, and
// the error is marked `refused`; except that an earlier sending of a remembered call may have been
// executed if its session has ended since (ESTALE, not marked).
struct Outcome {
    Result<Reply> reply;
    bool repeated = false;  // the session had sent this sequence before: the first reply again,
                            // nothing done now
    bool created = false;   // Make: a new inode, not an existing one
};

struct Options {
    std::string path;                    // of the database file; its folder must exist
    std::size_t cache_bytes = 64 << 20;  // of pages and rows; calls take some MiB more
    bool create = true;                  // false: ENOENT when there is no database
    wire::VolumeInfo info;  // what a new database is made for; an existing one has its own
    std::uint32_t page_bytes = 4096;  // of a new database
    std::uint32_t root_uid = 0;       // owner of a new volume's root folder, and its mode
    std::uint32_t root_gid = 0;
    std::uint32_t root_mode = 0755;
    Time now = 0;  // birth of a new volume's root folder
    // Room kept on the disk, at least, so that files can be deleted when it is full; 0: none.
    std::uint64_t reserve_bytes = 8 << 20;
    // The key of a new volume's name hash; without one it is drawn at random.
    std::optional<std::uint64_t> name_key = {};
    // For tests: the name hash has only this many groups, so that names collide; 0: all of them.
    std::uint64_t name_groups = 0;
    RowObserver* observer = nullptr;  // lib/meta/row_observer.h; outlives the volume
};

struct SessionInfo {
    SessionId id = 0;
    std::string client;
    bool read_only = false;
    wire::Squash squash = {};
    Buffer secret = {};  // the hash of what resumes it; empty: made by an older program
};

// How far the write-ahead log is copied into the database.
struct LogState {
    std::uint64_t bytes = 0;     // of the log's file in use
    std::uint64_t uncopied = 0;  // of them, not yet in the database file
};

// Files with at most this many extents bring all of them along with a Lookup or GetAttr.
inline constexpr std::size_t entry_extents_max = 16;
// A session's replies are kept until it says that it needs them no more, and no further back than
// this: a bound for clients that never do.
inline constexpr std::uint64_t remembered_sequences = 65536;

struct State;
class Snapshot;

// A segment as the table has it.
struct SegmentState {
    SegmentId id = 0;
    std::uint64_t bytes = 0, live = 0;  // of the whole object; of frames that extents lead to
    Time since = 0;
};

class Volume {
public:
    // ENOENT (`create` is false), EPROTO (made by a newer version; the context says which), EBUSY,
    // EACCES, ENOSPC, EIO (damaged; the context says what to do), EINVAL (`info` or `page_bytes`
    // out of range). Waits for the disk, and applies what a killed process left in the journal.
    static Result<std::unique_ptr<Volume>> open(Options options);
    ~Volume();  // everything applied is in the database file, without a log

    const wire::VolumeInfo& info() const;
    // Applies Configure.
    Result<void> configure(const wire::VolumeInfo& info);

    // --- changes ---

    // All calls as one, in order; each sees the ones before it. Calls for which the disk has no
    // room are refused first (lib/meta/admission.h); the others are one record of the journal.
    // After it returns they survive the end of this process; after the next sync() also a power
    // cut. A fault makes it start over with each call alone, so that only the calls that cannot be
    // done fail. What an apply() did is in the journal at once, and in the database only when
    // enough has come together (or commit() is called): a page that many calls change is written
    // once. Opening a volume applies what the journal has more than the database.
    std::vector<Outcome> apply(std::span<const Call> batch);
    // A batch of one, not remembered.
    template <class M>
    Result<typename M::Reply> apply(SessionId session, M request,
                                    std::vector<SessionId> holders = {}) {
        const Call call{session, 0, std::move(request), 0, std::move(holders)};
        Outcome outcome = std::move(apply(std::span(&call, 1)).front());
        if (!outcome.reply) return std::unexpected(std::move(outcome.reply.error()));
        return std::get<typename M::Reply>(std::move(*outcome.reply));
    }

    // --- reads ---

    // Every reply shows the state after the last apply(). `grant` is left for the service to set.
    // `with_data`: the Entry of a file also has its inline data or its extents when that is all of
    // them (has_data). The first read after an apply() opens a read transaction that the following
    // ones share.
    Result<wire::Entry> read(const wire::Lookup& request, bool with_data = true);
    Result<wire::Entry> read(const wire::GetAttr& request, bool with_data = true);
    Result<wire::Listing> read(const wire::ReadDir& request);
    Result<wire::Target> read(const wire::ReadLink& request);
    Result<wire::Value> read(const wire::GetXattr& request);
    Result<wire::Names> read(const wire::ListXattr& request);
    Result<wire::ExtentList> read(const wire::Extents& request);
    Result<wire::Statistics> read(const wire::StatFs& request);
    Result<wire::Done> read(const wire::Access& request, SessionId session);
    // Ends the shared read transaction; called once per turn of the loop. While one is open the log
    // cannot start anew.
    void end_reads();

    // --- durability and the log ---

    // Commits to the database what is only in the journal so far. Never needed; a good use of an
    // idle moment. ENOSPC, EIO: nothing is lost, the journal still has it.
    Result<void> commit();

    // Everything applied before the call is on disk when it returns. Any thread. EIO: it may not
    // be, whatever happened to the disk, and from then on every sync and checkpoint fails.
    Result<void> sync();
    // Copies the log into the database as far as the owner's transactions allow. Any thread, one at
    // a time.
    Result<LogState> checkpoint();
    // The log's size now, cheap. It falls when the log starts anew after a checkpoint() that copied
    // all of it.
    std::uint64_t log_bytes() const;
    // Pages written to the log since open: what a transaction costs.
    std::uint64_t log_frames() const;
    // Cuts the log to nothing, which waits for the disk and so happens in the pool: prepare_cut()
    // and finish_cut() are the owner's, cut_log() is any thread's, and never beside checkpoint().
    // In between nothing may be applied. EBUSY: a reader keeps the log from being cut.
    Result<void> prepare_cut();
    Result<LogState> cut_log();
    void finish_cut();
    // All three, for an owner that may wait for the disk.
    Result<LogState> truncate_log();

    // --- sessions, upkeep ---

    // The sessions that are open, also those that an earlier process left. One that does not come
    // back is to be ended with CloseSession: its orphans are then freed, and the segments it
    // reserved but never committed become garbage.
    std::vector<SessionInfo> sessions() const;
    bool is_open(SessionId session) const;

    // Up to `limit` segments with ids above `after`, in their order, those without live bytes
    // included: to find the ones that are worth repacking.
    Result<std::vector<SegmentState>> segments(SegmentId after, std::size_t limit);
    // Whether Maintain has something to do; cheap.
    bool needs_upkeep() const;

    // What is applied, for a reader on another thread; see lib/meta/snapshot.h.
    Result<std::unique_ptr<Snapshot>> snapshot();

    // --- inspection ---

    // The whole state as text, one line per row, in a fixed order: equal states have equal dumps.
    Result<std::string> dump();
    // What is wrong with the database: link counts, parents, used bytes, live bytes, orphans,
    // counters. Empty: nothing.
    Result<std::vector<std::string>> verify();
    // The prepared statements that scan a table: "name: plan". There should be none.
    Result<std::vector<std::string>> scans();

    // For tests: the nth writing statement from now, commits and journal records included, and the
    // `times` - 1 after it fail with `code`.
    void fail_statement(int nth, int code = 5, int times = 1);
    // For tests: every commit and every journal record fails with `code` from now on; 0: none does.
    void fail_disk(int code);

private:
    explicit Volume(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace flexfs::meta
