// The state that a Volume holds in memory between calls. All of it can be restored from the
// database and the journal.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <vector>

#include "lib/base/lock_file.h"
#include "lib/db/db.h"
#include "lib/db/journal.h"
#include "lib/db/reserve.h"
#include "lib/meta/entries.h"
#include "lib/meta/inodes.h"
#include "lib/meta/orphans.h"
#include "lib/meta/row_observer.h"
#include "lib/meta/volume.h"

namespace flexfs::meta {

// Counters that only grow, and totals of the volume. So that a create need not write any of them:
// inode numbers are assigned without gaps, except for skipped ones, which count as deleted, hence
// inodes = next_ino - 1 - deleted; and next_ino is one more than the greatest of the inode rows and
// `ino_floor`, which is written only when a transaction removes the row with the greatest number or
// numbers are skipped. So after any restart, and on every replica,
// the next number is the same, and no number is assigned twice.
struct Counters {
    Ino next_ino = 1;
    Ino ino_floor = 0;
    std::uint64_t deleted = 0;
    std::uint64_t next_seq = 1;
    SegmentId next_segment = 1;
    SessionId next_session = 1;
    std::uint64_t used_bytes = 0;

    std::uint64_t inodes() const { return next_ino - 1 - deleted; }
    bool operator==(const Counters&) const = default;
};

struct Sessions {
    std::map<SessionId, SessionInfo> open;
    std::vector<SessionId> ended;  // whose resources are not all released yet; maintain() continues
};

// The counters that the database keeps, with their names there.
struct CounterRow {
    std::string_view name;
    std::uint64_t Counters::* value;
};
inline constexpr CounterRow counter_rows[] = {
    {"ino_floor", &Counters::ino_floor},       {"deleted", &Counters::deleted},
    {"next_seq", &Counters::next_seq},         {"next_segment", &Counters::next_segment},
    {"next_session", &Counters::next_session}, {"used_bytes", &Counters::used_bytes},
};

// The state outside the database that a transaction changes.
struct Memory {
    Counters counters;
    std::shared_ptr<const Sessions> sessions = std::make_shared<Sessions>();
    wire::VolumeInfo info;
    bool cuts = false;  // there may be rows in cut
    Time clock = 0;     // the latest time of a call
};

// Batches are applied in a database transaction that stays open, and written to the journal one by
// one. The transaction is committed when many batches have accumulated. A commit writes every page
// that changed, three for a single create, and so costs four times what the create does; a record
// of the journal costs a tenth of that. After a fault the transaction is rolled back and the
// pending records are applied again.
//
// Power cuts. Of the database's log a prefix of whole commits survives (lib/db/db.h), up to some
// batch m. The journal releases a record only after the log that holds its batch was synced, so it
// has record m + 1 and all that follow at least as far as it was synced itself. Applying those
// gives a state that includes everything up to the last sync(), without gaps.
struct Pending {
    std::vector<Buffer> records;
    std::size_t calls = 0;
    std::size_t bytes = 0;
};

struct State : Memory {
    LockFile lock;
    std::unique_ptr<db::Db> db;
    std::unique_ptr<db::Journal> journal;
    db::Reserve reserve;  // for a full disk: then only requests that free space are executed
    Statements st;
    std::uint64_t name_key = 0;       // for name_hash()
    std::uint64_t name_groups = 0;    // as in Options
    bool told_full_group = false;     // whether a full group was logged
    RowObserver* observer = nullptr;  // null: there is no observer

    Pending pending;
    Inodes inodes;             // write_back() writes
    Entries entries;           // these three to the
    Orphans orphans;           // open transaction
    Counters written;          // values in the open transaction
    Memory committed;          // state after the last commit
    std::uint64_t batch = 0;   // the number of the last batch applied, and of its record
    bool loaded = false;       // open() has finished
    bool was_closed = false;   // the last process that had the volume open closed it
    bool rolled_back = false;  // the pending records are not applied: heal() must come first
    std::atomic<std::uint64_t> committed_batch = 0;
    std::atomic<bool> copying = false;                // a checkpoint() runs
    bool cutting = false;                             // between prepare_cut() and finish_cut()
    std::atomic<bool> log_cut = false;                // set by cut_log(), not yet seen by the owner
    std::atomic<std::uint64_t> copied_log_bytes = 0;  // size of the completely copied log

    // The owner copies long logs itself, in the pool. `wants_copy` is set when make_room() would
    // have copied one.
    bool owner_copies = false;
    bool wants_copy = false;

    std::uint64_t growth = 0;  // by how much copying the log grows the file, at the last commit

    std::uint64_t hash(std::string_view name) const {
        const std::uint64_t hash = name_hash(name, name_key);
        if (name_groups == 0) return hash;
        const std::uint64_t within = hash & ((std::uint64_t{1} << name_group_shift) - 1);
        return (group_of(hash) % name_groups + 1) << name_group_shift | within;
    }
};

}  // namespace flexfs::meta
