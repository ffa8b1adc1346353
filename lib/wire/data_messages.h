// Messages about file data, grants on it, and the space that it uses.
#pragma once

#include <string>
#include <vector>

#include "lib/wire/name_messages.h"
#include "lib/wire/op.h"
#include "lib/wire/session_messages.h"
#include "lib/wire/types.h"

namespace flexfs::wire {

// Asks for a grant on a file's data; `want` is exclusive before the first unsent write. The reply
// may grant less: none if several clients keep writing to the file. The server first recalls an
// exclusive grant that another session holds.
struct Open {
    static constexpr Op op = Op::open;
    using Reply = Entry;
    Ino ino = 0;
    Grant want = Grant::shared;
    FLEXFS_FIELDS(ino, want)
};
// The session no longer uses these orphans.
struct Release {
    static constexpr Op op = Op::release;
    static constexpr bool settles = true;
    using Reply = Done;
    std::vector<Ino> inos;
    FLEXFS_FIELDS(inos)
};
struct ExtentList {
    Attr attr;
    Buffer inline_data;  // all data of a file that lives in the metadata: no extents
    std::vector<Extent> extents;
    bool more = false;  // cut at `limit`, after a whole block; ask again from the next one
    Grant grant = Grant::none;
    std::uint32_t inline_bytes = 0;
    std::uint64_t inline_version = 0;
    FLEXFS_FIELDS(attr, inline_data, extents, more, grant, inline_bytes, inline_version)
};
// Returns the extents of blocks [first, first + count), by block, and within a block from the
// lowest layer to the highest. Recalls another session's exclusive grant first. EISDIR.
struct Extents {
    static constexpr Op op = Op::extents;
    using Reply = ExtentList;
    Ino ino = 0;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    std::uint32_t limit = 4096;
    FLEXFS_FIELDS(ino, first, count, limit)
};

inline constexpr std::uint64_t no_append = UINT64_MAX;
inline constexpr std::uint64_t any_size = UINT64_MAX;        // the commit names no size
inline constexpr std::uint64_t size_never = UINT64_MAX - 1;  // a size that no file has

// The changes of one inode in a commit.
//
// `inline_base` is the version of the small file's data (Entry::inline_version) that `set_inline`
// replaces or `clear_inline` removes. If the file has another version by now, or data in extents,
// the inode's error is EAGAIN: the client asks again and applies its bytes to the new data. So two
// clients that write different bytes of one small file keep both.
//
// `append_at` is the offset at which O_APPEND data begins that was written without the exclusive
// grant: the end of the file as the client knew it. If the file ends elsewhere by now, the server
// moves all of the extents to its end; with set_inline or clear_inline the error is EAGAIN, and the
// client moves its bytes. So no range is reserved before its data is stored, and a writer that
// fails leaves no hole.
//
// `expected_size` accompanies O_APPEND data that was written under the exclusive grant, and any
// that goes with inline data. If the file has another size by now, the grant was lost and another
// client has changed the file: the error is EAGAIN, and the client moves its bytes to the new end.
struct InodeCommit {
    Ino ino = 0;
    std::uint64_t size = 0;  // the file becomes at least this long; it never shrinks
    Time mtime = 0;          // 0: unchanged
    Time atime = 0;          // 0: unchanged
    bool kill_privileges = false;
    bool set_inline = false;  // `inline_data` is the file's data now; its extents are removed
    Buffer inline_data;
    bool clear_inline = false;     // the inline bytes moved to `extents`
    std::vector<Extent> extents;   // the server assigns seq, in this order
    bool keep_capability = false;  // all data was written through mappings
    std::uint32_t inline_bytes = 0;
    std::uint64_t inline_base = any_inline_version;
    std::uint64_t append_at = no_append;
    bool kill_setgid = false;  // with kill_privileges: as set_kill_setgid
    std::uint64_t expected_size = any_size;
    FLEXFS_FIELDS(ino, size, mtime, atime, kill_privileges, set_inline, inline_data, clear_inline,
                  extents, keep_capability, inline_bytes, inline_base, append_at, kill_setgid,
                  expected_size)
};
struct SegmentUse {
    SegmentId segment = 0;
    std::uint64_t bytes = 0;  // size of the whole object
    FLEXFS_FIELDS(segment, bytes)
};
struct Committed {
    // For each inode of the request: the seq of its first extent, or the version of its inline
    // data.
    std::vector<std::uint64_t> first_seq;
    std::vector<int> errors;          // for each inode: 0 or an errno
    std::vector<std::uint64_t> ends;  // for each inode: the length of the file now
    FLEXFS_FIELDS(first_seq, errors, ends)
};
// Publishes data whose objects are already durable in the store. Inodes succeed or fail one by one:
// ESTALE (the file, or a segment that extents refer to, is gone), ENOSPC (the volume's limit is
// reached), EAGAIN (the file has changed, see InodeCommit; or it lives in the metadata now; or it
// may not live there because space is reserved for it), EFBIG, EINVAL, EISDIR. With `durable` the
// reply waits until this and everything before it is synced on the server's disk.
struct Commit {
    static constexpr Op op = Op::commit;
    static constexpr bool settles = true;
    using Reply = Committed;
    std::vector<SegmentUse> segments;
    std::vector<InodeCommit> inodes;
    bool durable = false;
    Time now = 0;
    FLEXFS_FIELDS(segments, inodes, durable, now)
};
// The reply means that everything that was answered before it is durable.
struct Sync {
    static constexpr Op op = Op::sync;
    static constexpr bool settles = true;
    using Reply = Done;
    FLEXFS_NO_FIELDS
};
struct SegmentRange {
    SegmentId first = 0;
    std::uint64_t count = 0;
    FLEXFS_FIELDS(first, count)
};
// Reserves ids for this session's next segments. Ids that are never committed become garbage when
// the session ends.
struct ReserveSegments {
    static constexpr Op op = Op::reserve_segments;
    static constexpr bool settles = true;
    using Reply = SegmentRange;
    std::uint64_t count = 256;
    FLEXFS_FIELDS(count)
};
struct Statistics {
    std::uint64_t used_bytes = 0;  // of all files, excluding holes
    std::uint64_t inodes = 0;
    std::uint64_t max_bytes = 0;  // 0: no limit
    std::uint64_t max_inodes = 0;
    FLEXFS_FIELDS(used_bytes, inodes, max_bytes, max_inodes)
};
struct StatFs {
    static constexpr Op op = Op::statfs;
    using Reply = Statistics;
    FLEXFS_NO_FIELDS
};
// Answers a Recall after everything unsent was committed; the session keeps at most `keep`.
struct ReturnGrant {
    static constexpr Op op = Op::return_grant;
    static constexpr bool settles = true;
    using Reply = Done;
    Ino ino = 0;
    Grant keep = Grant::none;
    FLEXFS_FIELDS(ino, keep)
};
// Replaces extents of one block by `replacement`, which holds the same bytes, if the block's rows,
// without unwritten ones, are still `expected` (by seq). EAGAIN: they are not, and nothing changed.
struct Compact {
    static constexpr Op op = Op::compact;
    using Reply = Done;
    Ino ino = 0;
    std::uint64_t idx = 0;
    std::vector<std::uint64_t> expected;
    std::vector<Extent> replacement;
    std::vector<SegmentUse> segments;
    FLEXFS_FIELDS(ino, idx, expected, replacement, segments)
};
// The reply to a change of a range, which is made in steps of bounded size: `length` bytes from the
// range's start are done. If that is less than the request asked for, the client asks again for the
// rest.
struct RangeDone {
    Attr attr;
    Grant grant = Grant::none;
    std::uint64_t length = 0;
    std::uint64_t inline_version = 0;  // of the file's inline data, after the change
    FLEXFS_FIELDS(attr, grant, length, inline_version)
};
// fallocate(2). `mode` has the FALLOC_FL bits: none, KEEP_SIZE, PUNCH_HOLE with KEEP_SIZE, or
// ZERO_RANGE with or without KEEP_SIZE. Except with PUNCH_HOLE, space is reserved for the whole
// range, by unwritten extents. EFBIG, EISDIR, EINVAL (no length; not a regular file), EOPNOTSUPP
// (other modes), EPERM (immutable, append-only), ENOSPC (more than the volume may hold, or more
// than four million blocks). EAGAIN: the file lives in the metadata in the clients' form, and the
// client must write the zeros in its middle.
struct Allocate {
    static constexpr Op op = Op::allocate;
    using Reply = RangeDone;
    Ino ino = 0;
    std::uint32_t mode = 0;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint64_t size = 0;  // the file becomes at least this long, as with unsent data
    bool kill_privileges = false;
    Time now = 0;
    bool kill_setgid = false;  // as in InodeCommit
    FLEXFS_FIELDS(ino, mode, offset, length, size, kill_privileges, now, kill_setgid)
};
// Copies a range of `from` to `ino` by extents that share the frames. Holes of `from` become holes,
// or unwritten extents where space is reserved. The copy stops at the end of `from`. EINVAL
// (overlapping ranges of one file; not a regular file), EISDIR, EPERM (immutable), EFBIG, ENOSPC.
// EAGAIN: one of the files lives in the metadata, and the client must copy the bytes.
struct CopyRange {
    static constexpr Op op = Op::copy_range;
    using Reply = RangeDone;  // about `ino`
    Ino from = 0;
    std::uint64_t from_offset = 0;
    Ino ino = 0;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    bool kill_privileges = false;
    Time now = 0;
    bool kill_setgid = false;  // as in InodeCommit
    FLEXFS_FIELDS(from, from_offset, ino, offset, length, kill_privileges, now, kill_setgid)
};

}  // namespace flexfs::wire
