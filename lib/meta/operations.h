// The operations, one file each; apply() selects them by the type of the request. They fail with
// the errors that the message documents; after an error nothing has changed.
#pragma once

#include "lib/meta/flags.h"
#include "lib/meta/txn.h"

namespace flexfs::meta {

// Facts for the service that an operation reports in addition to its reply (see Outcome).
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

// Only the service itself makes these requests.

Result<wire::Done> configure(Txn& tx, const Configure& request);
Result<Condemned> condemn_garbage(Txn& tx, const CondemnGarbage& request);
Result<wire::Done> forget_garbage(Txn& tx, const ForgetGarbage& request);
Result<Maintained> maintain(Txn& tx, const Maintain& request);
Result<wire::Done> skip_numbers(Txn& tx, const SkipNumbers& request);

// Several operations share the following.

// Ends the session's hold on the orphan, if it has one.
Result<void> release_orphan(Txn& tx, Ino ino, SessionId session);
// Clears the setuid bit, the setgid bit where the group may execute, or always with `setgid_too`,
// and the file capabilities.
Result<void> kill_privileges(Txn& tx, Inode& inode, bool setgid_too = false);
// Removes the file capabilities, as write(2) and truncate(2) do for every caller.
Result<void> drop_capability(Txn& tx, Inode& inode);
// Sets the size. Bytes from `size` on are discarded and read as zeros if the file grows again.
Result<void> resize(Txn& tx, Inode& file, std::uint64_t size);

// The rows of extents that a change of a range removes and adds. They are planned first, so that
// the request can still be refused.
struct RangePlan {
    std::vector<wire::Extent> dropped;
    std::vector<wire::Extent> added;  // from bottom to top; without seq
    std::int64_t gained = 0;          // by how many bytes the file's used bytes grow
    std::uint64_t end = 0;            // where the plan stops
};
// Makes the range [first, last) a hole, except for inline data. Releases the space reserved there,
// except with Hole::data. Stops after about a thousand extents.
enum class Hole { all, data };
Result<RangePlan> plan_hole(Txn& tx, const Inode& file, std::uint64_t first, std::uint64_t last,
                            Hole hole);
// Reserves space for the range, in whole pages, by unwritten extents. With `zero` its data becomes
// zeros, except for inline data. Stops after about a thousand blocks or extents.
Result<RangePlan> plan_room(Txn& tx, const Inode& file, std::uint64_t first, std::uint64_t last,
                            bool zero);
Result<void> apply_plan(Txn& tx, Inode& file, const RangePlan& plan);
// Makes the bytes of a small file in the range zeros, or removes them if they are its last ones.
// EAGAIN: other bytes follow, and the data is packed, so that only clients can read it.
Result<void> zero_inline(Txn& tx, Inode& file, std::uint64_t first, std::uint64_t last);

// EINVAL: an extent is malformed. ESTALE: an extent refers to a segment that does not exist.
Result<void> check_extents(Txn& tx, std::span<const wire::Extent> extents,
                           std::span<const wire::SegmentUse> segments);

}  // namespace flexfs::meta
