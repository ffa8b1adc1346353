// Every request, reply and push between a client and the metadata service. Each request names its
// operation and its reply; operations.h lists them. Errors (errno) that any of them may give: EIO
// (a fault; logged at the server), ENOSPC (no room for metadata), ESTALE (the inode is gone), EROFS
// (the session is read-only).
#pragma once

#include <string>
#include <vector>

#include "lib/wire/op.h"
#include "lib/wire/types.h"

namespace flexfs::wire {

struct Done {
    FLEXFS_NO_FIELDS
};

// --- sessions ---

struct Session {
    SessionId session = 0;
    std::uint64_t lease_ns = 0;  // renewed by any traffic; 0: it does not run out
    VolumeInfo volume;
    bool read_only = false;
    FLEXFS_FIELDS(session, lease_ns, volume, read_only)
};
// `resume` names a session of this client that a restart cut off; 0 for a new one. ESTALE: it has
// ended.
struct OpenSession {
    static constexpr Op op = Op::open_session;
    using Reply = Session;
    std::string client;  // for people: host and process
    std::string token;   // none is asked for yet
    SessionId resume = 0;
    bool read_only = false;
    Squash squash;
    FLEXFS_FIELDS(client, token, resume, read_only, squash)
};
// Gives up everything the session holds.
struct CloseSession {
    static constexpr Op op = Op::close_session;
    using Reply = Done;
    FLEXFS_NO_FIELDS
};
struct Renew {
    static constexpr Op op = Op::renew;
    using Reply = Done;
    FLEXFS_NO_FIELDS
};

// --- names and attributes ---
//
// Who asks is checked by the client's kernel, but for root in a session that squashes it: of that
// the service checks every change, with EACCES and EPERM as Linux has them.

// `inline_data` is the data of a small file: with `inline_bytes` 0 the bytes themselves; otherwise
// in a form that only clients read, of which the first `inline_bytes` bytes are the file's.

// An inode and what its reader usually asks for next. All of it is covered by `grant`.
struct Entry {
    Attr attr;
    Grant grant = Grant::none;
    bool has_data = false;  // `inline_data` or `extents` describe the whole file
    Buffer inline_data;
    std::vector<Extent> extents;
    // By Make and Link: the folder, as it is now. Nothing: the answer comes late. It gives no
    // grant, and is for who has one on the folder.
    std::vector<Attr> also;
    std::uint32_t inline_bytes = 0;
    FLEXFS_FIELDS(attr, grant, has_data, inline_data, extents, also, inline_bytes)
};
// ENOENT, ENOTDIR, ENAMETOOLONG. "." and ".." are answered too, "." also of what is no folder: so
// an inode is found by its number.
struct Lookup {
    static constexpr Op op = Op::lookup;
    using Reply = Entry;
    Ino parent = 0;
    std::string name;
    FLEXFS_FIELDS(parent, name)
};
struct GetAttr {
    static constexpr Op op = Op::getattr;
    using Reply = Entry;
    Ino ino = 0;
    FLEXFS_FIELDS(ino)
};

enum SetMask : std::uint32_t {
    set_mode = 1,
    set_uid = 2,
    set_gid = 4,
    set_size = 8,
    set_atime = 16,
    set_mtime = 32,
    set_ctime = 64,
    set_flags = 128,
    // Drops setuid, and setgid where the group may execute, as write(2) does.
    set_kill_privileges = 256,
    // The times are the present, as utimes(2) without times: who may write may set them, and an
    // append-only file takes them.
    set_touch = 512,
    // The size is set through an open file: that it may be written was found out before.
    set_open = 1024,
};
enum AccessMask : std::uint32_t {  // numbers of access(2)
    access_execute = 1,
    access_write = 2,
    access_read = 4,
};
// For what a client may answer by itself: may a squashed caller do all this? EACCES.
struct Access {
    static constexpr Op op = Op::access;
    using Reply = Done;
    Ino ino = 0;
    std::uint32_t mask = 0;  // AccessMask
    Who who;
    FLEXFS_FIELDS(ino, mask, who)
};

// Times are the client's; ctime becomes `now` unless set_ctime. A mode changes a stored access ACL
// with it. EFBIG, EISDIR (set_size on a directory), EINVAL, EPERM (it is immutable, or
// append-only), EOPNOTSUPP (a flag that is no InodeFlag).
struct SetAttr {
    static constexpr Op op = Op::setattr;
    using Reply = Entry;
    Ino ino = 0;
    std::uint32_t mask = 0;  // SetMask
    Attr attr;               // the fields that mask names
    Time now = 0;
    Who who;
    FLEXFS_FIELDS(ino, mask, attr, now, who)
};

// mkdir, mknod, create and symlink: mode's S_IFMT decides. An existing name is EEXIST, or with
// `existing_ok` (open with O_CREAT without O_EXCL) answered as Lookup would. Where the parent has a
// default ACL the new inode gets its access ACL from it, and a directory inherits it; elsewhere
// `umask` is taken off the mode. ENOENT (the directory was removed; a symlink to nowhere), ENOTDIR,
// ENAMETOOLONG, EINVAL (the name, the kind), EMLINK, ENOSPC (as many inodes as the volume may
// hold), EPERM (the directory is immutable).
struct Make {
    static constexpr Op op = Op::make;
    using Reply = Entry;  // the creator of a file gets Grant::exclusive
    Ino parent = 0;
    std::string name;  // empty: no name yet (O_TMPFILE); the inode is an orphan of this session
    std::uint32_t mode = 0;
    std::uint64_t rdev = 0;
    std::string target;  // of a symlink
    bool existing_ok = false;
    Time now = 0;
    Who who;
    std::uint32_t umask = 0;
    FLEXFS_FIELDS(parent, name, mode, rdev, target, existing_ok, now, who, umask)
};
// EEXIST, EMLINK, ENOENT (it lost its last name, or the directory was removed), EPERM (a directory;
// immutable or append-only; into an immutable directory).
struct Link {
    static constexpr Op op = Op::link;
    using Reply = Entry;
    Ino ino = 0;
    Ino parent = 0;
    std::string name;
    Time now = 0;
    Who who;
    FLEXFS_FIELDS(ino, parent, name, now, who)
};
// What lost a name. When attr.nlink is 0 the inode is now an orphan held by every session that had
// a grant on it, this one included, until each has sent Release for it.
struct Removed {
    Attr attr;               // attr.ino is 0 where nothing was removed
    Ino moved = 0;           // by Rename: what has the new name now; 0: nothing was done
    std::vector<Attr> also;  // as in Entry: the folders, and `moved`
    FLEXFS_FIELDS(attr, moved, also)
};
// ENOENT, EISDIR, EPERM (it or the directory is immutable or append-only).
struct Unlink {
    static constexpr Op op = Op::unlink;
    using Reply = Removed;
    Ino parent = 0;
    std::string name;
    Time now = 0;
    Who who;
    FLEXFS_FIELDS(parent, name, now, who)
};
// ENOENT, ENOTDIR, ENOTEMPTY, EINVAL ("." and ".."), EPERM (as Unlink).
struct Rmdir {
    static constexpr Op op = Op::rmdir;
    using Reply = Removed;
    Ino parent = 0;
    std::string name;
    Time now = 0;
    Who who;
    FLEXFS_FIELDS(parent, name, now, who)
};
// `flags` as renameat2(2): RENAME_NOREPLACE, RENAME_EXCHANGE, and RENAME_WHITEOUT, whose device
// with number 0 is the caller's (ENOSPC). EMLINK, ENOENT, EEXIST, ENOTEMPTY, EISDIR, ENOTDIR,
// EINVAL (into itself, or unknown flags), EPERM (as Unlink, of both ends). The reply tells what was
// replaced.
struct Rename {
    static constexpr Op op = Op::rename;
    using Reply = Removed;
    Ino parent = 0;
    std::string name;
    Ino new_parent = 0;
    std::string new_name;
    std::uint32_t flags = 0;
    Time now = 0;
    Who who;
    FLEXFS_FIELDS(parent, name, new_parent, new_name, flags, now, who)
};

struct DirEntry {
    std::string name;
    Ino ino = 0;
    std::uint32_t mode = 0;    // S_IFMT at least
    std::uint64_t cookie = 0;  // the name's hash; 3 or more
    Attr attr;                 // with `plus`; ino is 0 where another client writes the file
    FLEXFS_FIELDS(name, ino, mode, cookie, attr)
};
struct Listing {
    std::vector<DirEntry> entries;  // by cookie; equal cookies are never split between two replies
    bool end = false;
    Grant grant = Grant::none;  // on the entries' attributes, and on the directory
    FLEXFS_FIELDS(entries, end, grant)
};
// Entries with a cookie greater than `after`, without "." and "..", about `limit` of them. ENOTDIR.
struct ReadDir {
    static constexpr Op op = Op::readdir;
    using Reply = Listing;
    Ino ino = 0;
    std::uint64_t after = 0;
    std::uint32_t limit = 1024;
    bool plus = false;
    FLEXFS_FIELDS(ino, after, limit, plus)
};
struct Target {
    std::string target;
    FLEXFS_FIELDS(target)
};
// EINVAL: not a symlink.
struct ReadLink {
    static constexpr Op op = Op::readlink;
    using Reply = Target;
    Ino ino = 0;
    FLEXFS_FIELDS(ino)
};

// --- extended attributes: ENODATA, EEXIST, ERANGE, E2BIG, EOPNOTSUPP as setxattr(2) says; EPERM
// for changes of what is immutable or append-only ---
//
// Their namespaces are user, trusted and security (any other: EOPNOTSUPP), and the two ACLs,
// system.posix_acl_access and system.posix_acl_default, in the form of linux/posix_acl_xattr.h.

struct Value {
    Buffer value;
    FLEXFS_FIELDS(value)
};
struct GetXattr {
    static constexpr Op op = Op::getxattr;
    using Reply = Value;
    Ino ino = 0;
    std::string name;
    FLEXFS_FIELDS(ino, name)
};
// An access ACL sets the mode's permission bits, and is kept when it says more than these. EINVAL:
// not an ACL. EACCES: a default ACL for what is no directory. EOPNOTSUPP: an ACL for a symlink.
struct SetXattr {
    static constexpr Op op = Op::setxattr;
    using Reply = Done;
    Ino ino = 0;
    std::string name;
    Buffer value;
    std::uint32_t flags = 0;  // XATTR_CREATE, XATTR_REPLACE
    Time now = 0;
    bool kill_setgid = false;  // with an access ACL: who sets it may not give the group its ids
    Who who;
    FLEXFS_FIELDS(ino, name, value, flags, now, kill_setgid, who)
};
struct Names {
    std::vector<std::string> names;
    FLEXFS_FIELDS(names)
};
struct ListXattr {
    static constexpr Op op = Op::listxattr;
    using Reply = Names;
    Ino ino = 0;
    FLEXFS_FIELDS(ino)
};
struct RemoveXattr {
    static constexpr Op op = Op::removexattr;
    using Reply = Done;
    Ino ino = 0;
    std::string name;
    Time now = 0;
    Who who;
    FLEXFS_FIELDS(ino, name, now, who)
};

// --- data ---

// Asks for a grant on a file's data; `want` exclusive before the first unsent write. What comes
// back may be less: none when several clients keep writing the file. A recall of somebody else's
// exclusive grant happens first.
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
    using Reply = Done;
    std::vector<Ino> inos;
    FLEXFS_FIELDS(inos)
};
struct ExtentList {
    Attr attr;
    Buffer inline_data;  // a file that lives in the metadata has this and no data in extents
    std::vector<Extent> extents;
    bool more = false;  // cut after whole blocks, at `limit`; ask again from the next block
    Grant grant = Grant::none;
    std::uint32_t inline_bytes = 0;
    FLEXFS_FIELDS(attr, inline_data, extents, more, grant, inline_bytes)
};
// Extents of blocks [first, first + count), by block, and in each as they lie over each other;
// recalls another session's exclusive grant first. EISDIR.
struct Extents {
    static constexpr Op op = Op::extents;
    using Reply = ExtentList;
    Ino ino = 0;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    std::uint32_t limit = 4096;
    FLEXFS_FIELDS(ino, first, count, limit)
};

// What one inode gains in a commit.
struct InodeCommit {
    Ino ino = 0;
    std::uint64_t size = 0;  // at least; never shrinks the file
    Time mtime = 0;          // 0: unchanged
    Time atime = 0;          // 0: unchanged
    bool kill_privileges = false;
    bool set_inline = false;  // `inline_data` is all its data now; its extents go
    Buffer inline_data;
    bool clear_inline = false;     // its bytes moved to `extents`
    std::vector<Extent> extents;   // seq is the server's to give, in this order
    bool keep_capability = false;  // all of it was written through mappings
    std::uint32_t inline_bytes = 0;
    FLEXFS_FIELDS(ino, size, mtime, atime, kill_privileges, set_inline, inline_data, clear_inline,
                  extents, keep_capability, inline_bytes)
};
struct SegmentUse {
    SegmentId segment = 0;
    std::uint64_t bytes = 0;  // of the whole object
    FLEXFS_FIELDS(segment, bytes)
};
struct Committed {
    std::vector<std::uint64_t> first_seq;  // per inode of the request: what its first extent got
    std::vector<int> errors;               // per inode: 0 or an errno
    FLEXFS_FIELDS(first_seq, errors)
};
// Publishes data whose objects are already durable in the store. Inodes succeed or fail one by one:
// ESTALE (the file, or a segment that extents lead into, is gone), ENOSPC (more than the volume may
// hold), EAGAIN (it lives in the metadata now, or may not because room is kept for it), EFBIG,
// EINVAL, EISDIR.
// With `durable` the answer waits until this and everything before it is synced on the server's
// disk.
struct Commit {
    static constexpr Op op = Op::commit;
    using Reply = Committed;
    std::vector<SegmentUse> segments;
    std::vector<InodeCommit> inodes;
    bool durable = false;
    Time now = 0;
    FLEXFS_FIELDS(segments, inodes, durable, now)
};
// Everything answered before is durable once this is answered.
struct Sync {
    static constexpr Op op = Op::sync;
    using Reply = Done;
    FLEXFS_NO_FIELDS
};
struct SegmentRange {
    SegmentId first = 0;
    std::uint64_t count = 0;
    FLEXFS_FIELDS(first, count)
};
// Ids for this session's next segments; those never committed are garbage when the session ends.
struct ReserveSegments {
    static constexpr Op op = Op::reserve_segments;
    using Reply = SegmentRange;
    std::uint64_t count = 256;
    FLEXFS_FIELDS(count)
};
struct Statistics {
    std::uint64_t used_bytes = 0;  // of all files, holes left out
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
// The answer to a Recall, after everything unsent was committed: the session keeps `keep` at most.
struct ReturnGrant {
    static constexpr Op op = Op::return_grant;
    using Reply = Done;
    Ino ino = 0;
    Grant keep = Grant::none;
    FLEXFS_FIELDS(ino, keep)
};
// Replaces extents of one block by `replacement`, which holds the same bytes, if the block's rows
// without the unwritten are still `expected` (by seq). EAGAIN: they are not; nothing changed.
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
// A range is changed in steps of bounded size. `length` bytes from its start are done: where that
// is less than was asked, ask again for the rest.
struct RangeDone {
    Attr attr;
    Grant grant = Grant::none;
    std::uint64_t length = 0;
    FLEXFS_FIELDS(attr, grant, length)
};
// fallocate(2); `mode` has its FALLOC_FL bits: none, KEEP_SIZE, PUNCH_HOLE with KEEP_SIZE, or
// ZERO_RANGE with or without. But with PUNCH_HOLE room is kept for the whole range, by unwritten
// extents. EFBIG, EISDIR, EINVAL (no length, no regular file), EOPNOTSUPP (other modes), EPERM
// (immutable, append-only), ENOSPC (more than the volume may hold, or of more than four million
// blocks). EAGAIN: it lives in the metadata in the clients' form, and the bytes in its middle are
// to be written as zeros.
struct Allocate {
    static constexpr Op op = Op::allocate;
    using Reply = RangeDone;
    Ino ino = 0;
    std::uint32_t mode = 0;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint64_t size = 0;  // at least: what unsent data made it
    bool kill_privileges = false;
    Time now = 0;
    FLEXFS_FIELDS(ino, mode, offset, length, size, kill_privileges, now)
};
// The range's bytes in `ino` become those of `from`, by extents that share its frames; its holes
// are holes there, or unwritten where room is kept. Ends where `from` does. EINVAL (ranges of one
// file that overlap, no regular file), EISDIR, EPERM (immutable), EFBIG, ENOSPC. EAGAIN: one of
// them lives in the metadata; its bytes are to be copied.
struct CopyRange {
    static constexpr Op op = Op::copy_range;
    using Reply = RangeDone;  // of `ino`
    Ino from = 0;
    std::uint64_t from_offset = 0;
    Ino ino = 0;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    bool kill_privileges = false;
    Time now = 0;
    FLEXFS_FIELDS(from, from_offset, ino, offset, length, kill_privileges, now)
};

// --- pushes: server to client ---

enum RevokeMask : std::uint32_t {
    revoke_attr = 1,
    revoke_data = 2,
    revoke_entry = 4,  // entry: `name` under directory `ino`
    revoke_xattr = 8,
    revoke_orphan = 16,  // orphan: the last link went; Release it when unused
};
struct Revoke {
    static constexpr Op op = Op::revoke;
    Ino ino = 0;
    std::uint32_t what = 0;  // RevokeMask
    std::string name;
    FLEXFS_FIELDS(ino, what, name)
};
// Another session wants the inode: commit what is unsent, then send ReturnGrant.
struct Recall {
    static constexpr Op op = Op::recall;
    Ino ino = 0;
    Grant keep = Grant::none;
    FLEXFS_FIELDS(ino, keep)
};

}  // namespace flexfs::wire
