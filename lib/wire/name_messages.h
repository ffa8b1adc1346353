// Messages about names and attributes.
//
// The client's kernel checks the caller's permissions, except for root in a session that squashes
// it: for that caller the service checks every change and answers EACCES and EPERM as Linux does.
#pragma once

#include <string>
#include <vector>

#include "lib/wire/op.h"
#include "lib/wire/session_messages.h"
#include "lib/wire/types.h"

namespace flexfs::wire {

// The data of a small file (`inline_data`) has one of two forms: with `inline_bytes` 0 it is the
// file's bytes; otherwise it is in a form that only clients read, and the first `inline_bytes`
// bytes of the decoded data are the file's.

// The version of a small file's data: 0 if the file has no such data, and a new number with every
// change. A commit that replaces such data names the version that it is based on.
inline constexpr std::uint64_t any_inline_version = UINT64_MAX;      // the commit names no version
inline constexpr std::uint64_t inline_version_old = UINT64_MAX - 1;  // stored before versions
// No file has this version, so a commit that is based on it is answered with EAGAIN.
inline constexpr std::uint64_t inline_version_never = UINT64_MAX - 2;

// An inode, with what its reader usually asks for next. `grant` covers all of it.
struct Entry {
    Attr attr;
    Grant grant = Grant::none;
    bool has_data = false;  // `inline_data` or `extents` describe the whole file
    Buffer inline_data;
    std::vector<Extent> extents;
    // Filled by Make and Link: the directory after the change. Empty if the reply was delayed.
    // Carries no grant; only useful to a client that holds one on the directory.
    std::vector<Attr> also;
    std::uint32_t inline_bytes = 0;
    std::uint64_t inline_version = 0;  // of `inline_data`
    FLEXFS_FIELDS(attr, grant, has_data, inline_data, extents, also, inline_bytes, inline_version)
};
// ENOENT, ENOTDIR, ENAMETOOLONG. "." and ".." are valid names, and "." also for an inode that is
// not a directory: this finds an inode by its number.
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
    // Clears setuid, and setgid where the group may execute, as write(2) does.
    set_kill_privileges = 256,
    // The times are the present, as set by utimes(2) without times: write permission suffices, and
    // an append-only file accepts them.
    set_touch = 512,
    // The size is set through an open file: write permission was checked when it was opened.
    set_open = 1024,
    // With set_kill_privileges: clears setgid also where the group may not execute, because the
    // caller is not in the file's group.
    set_kill_setgid = 2048,
};
enum AccessMask : std::uint32_t {  // the numbers of access(2)
    access_execute = 1,
    access_write = 2,
    access_read = 4,
};
// Checks whether a squashed caller has all of the permissions, for requests that the client answers
// itself. EACCES: it has not.
struct Access {
    static constexpr Op op = Op::access;
    using Reply = Done;
    Ino ino = 0;
    std::uint32_t mask = 0;  // AccessMask
    Who who;
    FLEXFS_FIELDS(ino, mask, who)
};

// Times are the client's; ctime becomes `now` unless set_ctime. A new mode also changes a stored
// access ACL. EFBIG, EISDIR (set_size on a directory), EINVAL, EPERM (the inode is immutable or
// append-only), EOPNOTSUPP (a flag that is not an InodeFlag).
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

// Makes a directory, a device, a file or a symlink, depending on the mode's S_IFMT. An existing
// name is EEXIST, or with `existing_ok` (open with O_CREAT without O_EXCL) answered as by Lookup.
// If the parent has a default ACL, the new inode gets its access ACL from it, and a directory
// inherits it; otherwise `umask` is cleared from the mode. ENOENT (the directory was removed; a
// symlink without a target), ENOTDIR, ENAMETOOLONG, EINVAL (the name, the type), EMLINK, ENOSPC
// (the volume's limit of inodes is reached, or the directory has eight names of nearly the same
// hash), EPERM (the directory is immutable).
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
// EEXIST, EMLINK, ENOENT (the inode lost its last name, or the directory was removed), ENOSPC (as
// for Make), EPERM (a directory; an immutable or append-only inode; an immutable directory).
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
// The inode that lost a name. If attr.nlink is 0, it is now an orphan, held by every session that
// had a grant on it, including the caller's, until each of them has sent Release.
struct Removed {
    Attr attr;               // attr.ino is 0 if nothing was removed
    Ino moved = 0;           // by Rename: the inode that has the new name now; 0: nothing changed
    std::vector<Attr> also;  // as in Entry: the directories, and `moved`
    FLEXFS_FIELDS(attr, moved, also)
};
// ENOENT, EISDIR, EPERM (the inode or the directory is immutable or append-only).
struct Unlink {
    static constexpr Op op = Op::unlink;
    using Reply = Removed;
    Ino parent = 0;
    std::string name;
    Time now = 0;
    Who who;
    FLEXFS_FIELDS(parent, name, now, who)
};
// ENOENT, ENOTDIR, ENOTEMPTY, EINVAL ("." and ".."), EPERM (as for Unlink).
struct Rmdir {
    static constexpr Op op = Op::rmdir;
    using Reply = Removed;
    Ino parent = 0;
    std::string name;
    Time now = 0;
    Who who;
    FLEXFS_FIELDS(parent, name, now, who)
};
// `flags` are those of renameat2(2): RENAME_NOREPLACE, RENAME_EXCHANGE, and RENAME_WHITEOUT, whose
// device with number 0 belongs to the caller (ENOSPC). EMLINK, ENOENT, EEXIST, ENOTEMPTY, EISDIR,
// ENOTDIR, EINVAL (into itself, or unknown flags), ENOSPC (as for Make), EPERM (as for Unlink, at
// both ends). The reply says what was replaced.
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

// Positions in a listing have 31 bits, because programs with a 32-bit off_t hold them (telldir(3)).
// Entries never have 0, 1 and 2: a client uses them for the beginning, "." and "..".
inline constexpr std::uint64_t cookie_max = INT32_MAX;
struct DirEntry {
    std::string name;
    Ino ino = 0;
    std::uint32_t mode = 0;    // S_IFMT at least
    std::uint64_t cookie = 0;  // its position, 3 to cookie_max; unique in the directory
    Attr attr;                 // with `plus`; ino is 0 if another client writes the file
    FLEXFS_FIELDS(name, ino, mode, cookie, attr)
};
// Entries whose positions share all but the lowest three bits come in one reply, at most eight.
struct Listing {
    std::vector<DirEntry> entries;  // by cookie
    bool end = false;
    Grant grant = Grant::none;  // on the directory, and on the entries' attributes
    FLEXFS_FIELDS(entries, end, grant)
};
// Lists the entries at positions above `after`, without "." and "..": `limit` of them, and up to
// seven more. ENOTDIR.
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

}  // namespace flexfs::wire
