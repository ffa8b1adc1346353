// The metadata of one volume: a deterministic, synchronous state machine over one SQLite database.
// It knows no loop, no socket and no clock; time, session and holders come with each call, new ids
// from counters in the database. Every change of the volume is a request that goes through apply()
// and is in a record of its log; the effect of a record depends only on the records before it.
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
    SessionId session = 0;       // 0: the service itself. ESTALE if it is not open
    std::uint64_t sequence = 0;  // the session's own count of its requests; 0: not remembered
    Request request;
    Time now = 0;  // the service's clock; 0: the time of the request, or of the previous call
    // The sessions that keep the inode alive if this call removes its last link: every session with
    // a grant on it, and the caller if it may have it open. Empty: the inode is freed at once.
    std::vector<SessionId> holders = {};
    std::uint64_t oldest = 0;  // the session never repeats a request older than this one
    // The encoding in the journal; fields are only appended.
    FLEXFS_FIELDS(session, sequence, request, now, holders, oldest)
};

// The outcome of a call. The reply is an answer (Reply, or the errno that the message documents) or
// a fault (EIO, ENOSPC when the disk is full, …). In both error cases the call changed nothing, and
// the error is marked `refused`. One exception: if the session has ended (ESTALE, not marked), an
// earlier sending of a remembered call may have been executed.
struct Outcome {
    Result<Reply> reply;
    bool repeated = false;  // this sequence was sent before, and this is the first reply again
    bool created = false;   // Make: the inode is new
};

struct Options {
    std::string path;                    // of the database file; its folder must exist
    std::size_t cache_bytes = 64 << 20;  // of pages and rows; calls take some MiB more
    bool create = true;                  // false: ENOENT when there is no database
    wire::VolumeInfo info;               // for a new database; an existing one has its own
    std::uint32_t page_bytes = 4096;     // of a new database
    std::uint32_t root_uid = 0;          // owner and mode of a new volume's root folder
    std::uint32_t root_gid = 0;
    std::uint32_t root_mode = 0755;
    Time now = 0;  // birth of a new volume's root folder
    // Space reserved on the disk, at least, so that files can be deleted when it is full; 0: none.
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
    Buffer secret = {};  // hash of the resuming secret; empty: opened by an older program
};

// How much of the write-ahead log is copied into the database.
struct LogState {
    std::uint64_t bytes = 0;     // size of the log in use
    std::uint64_t uncopied = 0;  // bytes that are not in the database file yet
};

// A Lookup or GetAttr returns all extents of a file that has at most this many.
inline constexpr std::size_t entry_extents_max = 16;
// A session's replies are kept until the session no longer needs them, but at most this many: a
// limit for clients that never say so.
inline constexpr std::uint64_t remembered_sequences = 65536;

struct State;
class Snapshot;

// The state of a segment in the table.
struct SegmentState {
    SegmentId id = 0;
    std::uint64_t bytes = 0, live = 0;  // of the whole object, and of frames that extents refer to
    Time since = 0;
};

class Volume {
public:
    // ENOENT (`create` is false), EPROTO (made by a newer version; the context says which), EBUSY,
    // EACCES, ENOSPC, EIO (damaged; the context says what to do), EINVAL (`info` or `page_bytes`
    // out of range). Waits for the disk, and applies what a killed process left in the journal.
    static Result<std::unique_ptr<Volume>> open(Options options);
    ~Volume();  // moves everything into the database file, and removes the log

    const wire::VolumeInfo& info() const;

    // The numbers that were assigned last.
    struct Assigned {
        Ino ino = 0;
        std::uint64_t seq = 0;
    };
    Assigned assigned() const;
    // Whether an earlier process ended without closing the volume. If that was due to a power cut,
    // clients may know numbers that this volume has not assigned, and SkipNumbers must come before
    // any other change.
    bool was_interrupted() const;

    // Executes all calls as one, in order; each sees the ones before it. Calls for which the disk
    // has no space are refused first (lib/meta/admission.h); the others form one record of the
    // journal. When it returns they survive the end of this process; after the next sync() also a
    // power cut. After a fault each call is executed again by itself, so that only the calls that
    // cannot be executed fail.
    //
    // Changes are in the journal at once, and in the database only when enough of them have
    // accumulated or commit() is called: a page that many calls change is written once. Opening a
    // volume applies records of the journal that the database lacks.
    std::vector<Outcome> apply(std::span<const Call> batch);
    // As apply(), after leave_copying_to_owner(). Returns nothing, and has done nothing, if the
    // disk is full and a checkpoint() in the pool may free space; then the owner calls apply().
    std::optional<std::vector<Outcome>> try_apply(std::span<const Call> batch);
    // From now on nothing copies a long log into the database on the owner's thread; without that,
    // everything that meets a full disk does, to free space.
    void leave_copying_to_owner();
    // Executes a batch of one call, which is not remembered.
    template <class M>
    Result<typename M::Reply> apply(SessionId session, M request,
                                    std::vector<SessionId> holders = {}) {
        const Call call{session, 0, std::move(request), 0, std::move(holders)};
        Outcome outcome = std::move(apply(std::span(&call, 1)).front());
        if (!outcome.reply) return std::unexpected(std::move(outcome.reply.error()));
        return std::get<typename M::Reply>(std::move(*outcome.reply));
    }

    // Every reply shows the state after the last apply(). The service sets `grant`. `with_data`:
    // the Entry of a file also has its inline data, or its extents if all of them fit (has_data).
    // The first read after an apply() opens a read transaction that the following ones share.
    Result<wire::Entry> read(const wire::Lookup& request, bool with_data = true);
    Result<wire::Entry> read(const wire::GetAttr& request, bool with_data = true);
    Result<wire::Listing> read(const wire::ReadDir& request);
    Result<wire::Target> read(const wire::ReadLink& request);
    Result<wire::Value> read(const wire::GetXattr& request);
    Result<wire::Names> read(const wire::ListXattr& request);
    Result<wire::ExtentList> read(const wire::Extents& request);
    Result<wire::Statistics> read(const wire::StatFs& request);
    Result<wire::Done> read(const wire::Access& request, SessionId session);
    // Ends the shared read transaction; called once per turn of the loop. While it is open the log
    // cannot start anew.
    void end_reads();

    // Commits to the database what is only in the journal so far. It is never required, but a good
    // use of an idle moment. ENOSPC, EIO: nothing is lost, because the journal still has it.
    Result<void> commit();

    // When it returns, everything applied before the call is on disk. Any thread. EIO: it may not
    // be on disk, whatever the cause, and from then on every sync and checkpoint fails.
    Result<void> sync();
    // Copies the log into the database as far as the owner's transactions allow. Any thread, but
    // only one at a time.
    Result<LogState> checkpoint();
    // The current size of the log; cheap. It falls when the log starts anew after a checkpoint()
    // that copied all of it.
    std::uint64_t log_bytes() const;
    // Pages written to the log since open, as a measure of the cost of transactions.
    std::uint64_t log_frames() const;
    // Truncate the log to zero bytes. This waits for the disk and therefore runs in the pool: the
    // owner calls prepare_cut() and finish_cut(); any thread may call cut_log(), but never beside
    // checkpoint(). Nothing may be applied in between. EBUSY: a reader prevents it.
    Result<void> prepare_cut();
    Result<LogState> cut_log();
    void finish_cut();
    // Calls all three, for an owner that may wait for the disk.
    Result<LogState> truncate_log();

    // Returns the open sessions, including those that an earlier process left. A session whose
    // client does not return must be ended with CloseSession: its orphans are then freed, and
    // segments that it reserved but never committed become garbage.
    std::vector<SessionInfo> sessions() const;
    bool is_open(SessionId session) const;

    // Returns up to `limit` segments with ids above `after`, in order, including those without live
    // bytes, to find the ones that are worth repacking.
    Result<std::vector<SegmentState>> segments(SegmentId after, std::size_t limit);
    // Whether Maintain has work to do; cheap.
    bool needs_upkeep() const;

    // Returns a snapshot of what is applied, for a reader on another thread; see
    // lib/meta/snapshot.h.
    Result<std::unique_ptr<Snapshot>> snapshot();

    // Returns the whole state as text, one line per row, in a fixed order: equal states have equal
    // dumps.
    Result<std::string> dump();
    // Returns the inconsistencies of the database: link counts, parents, used bytes, live bytes,
    // orphans, counters. Empty: there are none.
    Result<std::vector<std::string>> verify();
    // Returns the prepared statements that scan a table, as "name: plan". There should be none.
    Result<std::vector<std::string>> scans();

    // For tests: makes the nth writing statement from now, including commits and journal records,
    // and the `times` - 1 after it fail with `code`.
    void fail_statement(int nth, int code = 5, int times = 1);
    // For tests: from now on every commit and every journal record fails with `code`; 0: none does.
    void fail_disk(int code);

private:
    explicit Volume(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace flexfs::meta
