// Messages that begin, keep and end a session, and those that the server sends by itself.
#pragma once

#include <string>

#include "lib/wire/op.h"
#include "lib/wire/types.h"

namespace flexfs::wire {

struct Done {
    FLEXFS_NO_FIELDS
};

struct Session {
    SessionId session = 0;
    std::uint64_t lease_ns = 0;  // any traffic renews it; 0: it does not run out
    VolumeInfo volume;
    bool read_only = false;
    FLEXFS_FIELDS(session, lease_ns, volume, read_only)
};
// `resume` names a session of this client that a restart interrupted; 0 begins a new one. ESTALE:
// that session has ended.
struct OpenSession {
    static constexpr Op op = Op::open_session;
    using Reply = Session;
    std::string client;  // for people: host and process
    std::string token;   // not checked yet
    SessionId resume = 0;
    bool read_only = false;
    Squash squash;
    FLEXFS_FIELDS(client, token, resume, read_only, squash)
};
// Gives up everything that the session holds.
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

// --- pushes: server to client ---

enum RevokeMask : std::uint32_t {
    revoke_attr = 1,
    revoke_data = 2,
    revoke_entry = 4,  // the entry `name` of directory `ino`
    revoke_xattr = 8,
    revoke_orphan = 16,  // the last link went: the client sends Release when it no longer uses it
};
struct Revoke {
    static constexpr Op op = Op::revoke;
    Ino ino = 0;
    std::uint32_t what = 0;  // RevokeMask
    std::string name;
    FLEXFS_FIELDS(ino, what, name)
};
// Another session wants the inode: the client commits its unsent data and sends ReturnGrant.
struct Recall {
    static constexpr Op op = Op::recall;
    Ino ino = 0;
    Grant keep = Grant::none;
    FLEXFS_FIELDS(ino, keep)
};

}  // namespace flexfs::wire
