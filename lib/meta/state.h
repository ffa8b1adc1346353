// What a Volume holds in memory between transactions: all of it can be read back from the database.
#pragma once

#include <map>
#include <vector>

#include "lib/db/db.h"
#include "lib/db/lock.h"
#include "lib/meta/rows.h"
#include "lib/meta/volume.h"

namespace flexfs::meta {

// Numbers that only grow, and what the volume holds. A create must not have to rewrite them, so:
// inode numbers are given without gaps, hence inodes = next_ino - 1 - deleted; and next_ino is one
// more than the greatest of the inode rows and `ino_floor`, which is written only when a
// transaction removes the row that bore the greatest number. So after any restart, and on every
// replica, the next number is the same, and none is given twice.
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
    std::vector<SessionId> ended;  // what they held is not all released yet: maintain() goes on
};

struct State {
    db::LockFile lock;
    std::unique_ptr<db::Db> db;
    Statements st;
    wire::VolumeInfo info;
    Duration garbage_delay{};
    std::uint64_t hash_key = 0;
    Counters counters;
    Sessions sessions;
    bool cuts = false;     // there may be rows in cut
    bool reading = false;  // the shared read transaction is open
    Time clock = 0;        // the latest time a call brought

    std::uint64_t hash(std::string_view name) const { return name_hash(name, hash_key); }
};

}  // namespace flexfs::meta
