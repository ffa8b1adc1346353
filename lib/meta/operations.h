// The operations, one file each: apply() finds them by the request's type. Errors are those that
// the message documents; with any of them nothing has changed.
#pragma once

#include "lib/meta/flags.h"
#include "lib/meta/txn.h"

namespace flexfs::meta {

// Beside the reply an operation may note what only the service wants to know (see Outcome).
struct Notes {
    bool created = false;
};

Result<wire::Entry> make(Txn& tx, const wire::Make& request, Notes& notes);
Result<wire::Entry> setattr(Txn& tx, const wire::SetAttr& request);
Result<wire::Entry> link(Txn& tx, const wire::Link& request);
Result<wire::Removed> unlink(Txn& tx, const wire::Unlink& request);
Result<wire::Removed> rmdir(Txn& tx, const wire::Rmdir& request);
Result<wire::Removed> rename(Txn& tx, const wire::Rename& request);
Result<wire::Done> set_xattr(Txn& tx, const wire::SetXattr& request);
Result<wire::Done> remove_xattr(Txn& tx, const wire::RemoveXattr& request);
Result<wire::Committed> commit(Txn& tx, const wire::Commit& request);
Result<wire::Done> compact(Txn& tx, const wire::Compact& request);
Result<wire::RangeDone> allocate(Txn& tx, const wire::Allocate& request);
Result<wire::RangeDone> copy_range(Txn& tx, const wire::CopyRange& request);
Result<wire::Done> release(Txn& tx, const wire::Release& request);
Result<wire::SegmentRange> reserve_segments(Txn& tx, const wire::ReserveSegments& request);
Result<wire::Session> open_session(Txn& tx, const wire::OpenSession& request);
Result<wire::Done> close_session(Txn& tx);

// --- what several of them do ---

// The session no longer keeps the orphan alive; nothing if it never did.
Result<void> release_orphan(Txn& tx, Ino ino, SessionId session);
// What write(2) by most users and chown(2) by all do to the setuid and setgid bits and to file
// capabilities.
Result<void> kill_privileges(Txn& tx, Inode& inode);
// What write(2) and truncate(2) do to file capabilities, whoever calls them.
Result<void> drop_capability(Txn& tx, Inode& inode);
// The file's bytes from `size` on are gone, and read as zeros should it grow again. Sets the size.
Result<void> resize(Txn& tx, Inode& file, std::uint64_t size);

// What a change of a range does to a file's extents: planned first, so that it can be refused.
struct RangePlan {
    std::vector<wire::Extent> dropped;
    std::vector<wire::Extent> added;  // in the order in which they lie over each other; without seq
    std::int64_t gained = 0;          // bytes that are covered more
    std::uint64_t end = 0;            // how far it goes
};
// The range [first, last) becomes a hole, but for what is inline. Room that is kept there is given
// up, but with Hole::data. Goes no further than about a thousand extents.
enum class Hole { all, data };
Result<RangePlan> plan_hole(Txn& tx, const Inode& file, std::uint64_t first, std::uint64_t last,
                            Hole hole);
// Room is kept for the range, in whole pages, by unwritten extents. With `zero` its data
// becomes zeros, but for what is inline. Goes no further than about a thousand blocks or extents.
Result<RangePlan> plan_room(Txn& tx, const Inode& file, std::uint64_t first, std::uint64_t last,
                            bool zero);
Result<void> apply_plan(Txn& tx, Inode& file, const RangePlan& plan);
// A small file's bytes in the range become zeros, or are forgotten where they are its last. EAGAIN
// where others follow and it is packed: what form it has is for the clients to know.
Result<void> zero_inline(Txn& tx, Inode& file, std::uint64_t first, std::uint64_t last);

// EINVAL: an extent that cannot be. ESTALE: one that leads into a segment that is not there (any
// more).
Result<void> check_extents(Txn& tx, std::span<const wire::Extent> extents,
                           std::span<const wire::SegmentUse> segments);

// About `limit` rows of what was left over by earlier calls. True: there is more.
Result<bool> maintain(Txn& tx, std::size_t limit);

}  // namespace flexfs::meta
