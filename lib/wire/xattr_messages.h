// Messages about extended attributes. ENODATA, EEXIST, ERANGE, E2BIG and EOPNOTSUPP mean what
// setxattr(2) says; changing an immutable or append-only inode is EPERM.
//
// The namespaces are user, trusted and security (EOPNOTSUPP for any other), and the two ACLs,
// system.posix_acl_access and system.posix_acl_default, in the form of linux/posix_acl_xattr.h.
#pragma once

#include <string>
#include <vector>

#include "lib/wire/op.h"
#include "lib/wire/session_messages.h"
#include "lib/wire/types.h"

namespace flexfs::wire {

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
// An access ACL sets the mode's permission bits, and is stored only if it contains more than these.
// EINVAL: not an ACL. EACCES: a default ACL for an inode that is not a directory. EOPNOTSUPP: an
// ACL for a symlink.
struct SetXattr {
    static constexpr Op op = Op::setxattr;
    using Reply = Done;
    Ino ino = 0;
    std::string name;
    Buffer value;
    std::uint32_t flags = 0;  // XATTR_CREATE, XATTR_REPLACE
    Time now = 0;
    bool kill_setgid = false;  // with an access ACL: the caller may not keep the setgid bit
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

}  // namespace flexfs::wire
