// Messages that begin, keep and end a session, and the messages that the server pushes.
#pragma once

#include <string>
#include <vector>

#include "lib/wire/op.h"
#include "lib/wire/types.h"

// Requests with `settles` end what other requests wait for, and wait for no other client
// themselves. They are sent even if a connection has reached its limit of other requests.

namespace flexfs::wire {

struct Done {
    FLEXFS_NO_FIELDS
};

struct Session {
    SessionId session = 0;
    std::uint64_t lease_ns = 0;  // any traffic renews it; 0: it does not run out
    VolumeInfo volume;
    bool read_only = false;
    Buffer secret;        // of a new session; the client resumes it with this
    bool lapsed = false;  // the resumed session lost its lease, and every grant with it
    // The greatest number of a request of the resumed session that the volume's log has. If the
    // client got the answer to a later one, a power cut has undone it, and everything after it.
    std::uint64_t applied = 0;
    FLEXFS_FIELDS(session, lease_ns, volume, read_only, secret, lapsed, applied)
};
// `resume` names a session of this client that was interrupted, and `secret` proves it; 0 begins a
// new one. A session that lost its lease keeps what it needs to continue for a while: its answered
// requests, its segments, its unlinked files. ESTALE: it has ended, or the secret is wrong. ENOENT:
// the server does not serve the volume. EALREADY: a later attempt has resumed the session.
struct OpenSession {
    static constexpr Op op = Op::open_session;
    using Reply = Session;
    std::string client;  // for people: host and process
    std::string token;   // not checked yet
    SessionId resume = 0;
    bool read_only = false;
    Squash squash;
    std::string volume;  // id or name; empty: the only one of the server
    Buffer secret;       // of the session to resume; in a record of the volume, the secret's hash
    std::uint64_t attempt = 0;  // counts this client's attempts, so that a delayed one is refused
    FLEXFS_FIELDS(client, token, resume, read_only, squash, volume, secret, attempt)
};
// Gives up everything that the session holds.
struct CloseSession {
    static constexpr Op op = Op::close_session;
    static constexpr bool settles = true;
    using Reply = Done;
    FLEXFS_NO_FIELDS
};
struct Renew {
    static constexpr Op op = Op::renew;
    static constexpr bool settles = true;
    using Reply = Done;
    FLEXFS_NO_FIELDS
};
struct Reasserted {
    std::vector<Ino> refused;  // inodes of the request that may belong to another session by now
    FLEXFS_FIELDS(refused)
};
// Names the exclusive grants that the client of a resumed session holds. A restarted server has
// lost its grants; until every session has named its own, it grants nobody what they may cover.
struct Reassert {
    static constexpr Op op = Op::reassert;
    using Reply = Reasserted;
    std::vector<Ino> inos;  // at most reassert_max, else EINVAL
    bool complete = false;  // these are the last
    FLEXFS_FIELDS(inos, complete)
};
inline constexpr std::size_t reassert_max = 4096;

// The server pushes the following messages to clients.

enum RevokeMask : std::uint32_t {
    revoke_attr = 1,
    revoke_data = 2,
    revoke_entry = 4,  // the entry `name` of directory `ino`
    revoke_xattr = 8,
    revoke_orphan = 16,  // the last link went: the client sends Release after its last use
};
struct Revoke {
    static constexpr Op op = Op::revoke;
    Ino ino = 0;
    std::uint32_t what = 0;  // RevokeMask
    std::string name;
    FLEXFS_FIELDS(ino, what, name)
};
// Another session needs the inode: the client commits its unsent data and sends ReturnGrant.
struct Recall {
    static constexpr Op op = Op::recall;
    Ino ino = 0;
    Grant keep = Grant::none;
    FLEXFS_FIELDS(ino, keep)
};

}  // namespace flexfs::wire
