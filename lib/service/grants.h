// Grants: what a client may cache, which clients are notified of a change, and how an exclusive
// grant is recalled from its holder.
//
// Shared grants. A client may cache everything that a reply contains until a Revoke names it. Two
// bounded tables record which session was sent what: one of inodes, and one of folders whose names
// were sent. A grant that is evicted from the first table is revoked. Names cannot be revoked as a
// whole, so a session whose folder is evicted from the second table counts from then on as holding
// everything (`blanket`) and is notified of every change. A session in this process that is alone
// when it opens is a blanket holder from the beginning: an embedded volume, which has one session,
// pays nothing for its grants.
//
// Exclusive grants. They exist only on regular files and are always recorded, as ranges of inode
// numbers. The creator of a file gets one; Open{exclusive} gets one if no other session holds it
// and the file is not contested. It covers the data, the size and the times, so it conflicts with
// every request that reads or changes those: lookup, getattr, open, extents, setattr, allocate,
// copy_range (both of its files), link, and an open by Make. Each of these first sends Recall and
// waits for ReturnGrant (or for the end of the holder's session); requests for one inode wait in
// line. It does not conflict with names (unlink and rename change links and ctime, of which a
// Revoke notifies the holder), with xattrs, or with listings, which omit the attributes of such
// files.
//
// Deadlocks cannot occur. A waiting request holds nothing except its place in the line of its
// inode; copy_range, which waits in two lines, enters them in the order of the inode numbers. To
// answer a Recall a holder needs ReserveSegments, Commit, Sync and ReturnGrant. These wait for no
// other session, not even for a line in which their own session waits, and the holder itself never
// has to queue for an inode that it holds. So no cycle of waiting can form.
// Commits do not wait for other holders, and no write is lost by that: both are applied, one after
// the other. It happens only to a session that asked to write before the other session got the
// grant; the two writes are then simultaneous, and either order is correct.
#pragma once

#include <span>

#include "lib/loop/loop.h"
#include "lib/meta/volume.h"
#include "lib/service/holdings.h"
#include "lib/service/sessions.h"
#include "lib/task/sync.h"

namespace flexfs::service {

class Grants {
public:
    struct Limits {
        std::size_t shared = 1 << 18;  // inodes
        std::size_t folders = 1 << 16;
        std::size_t exclusive = 1 << 16;  // ranges
    };

    Grants(Loop& loop, meta::Volume& volume, Sessions& sessions, Limits limits)
        : loop_(loop), volume_(volume), sessions_(sessions), limits_(limits) {}

    // True if there is only one session: no grant can conflict, and no other client has to be
    // notified.
    bool alone() const { return sessions_.size() <= 1 && awaited_ == 0; }

    // Records that a reply of this turn sends the inode's attributes to the session, and returns
    // the grant to send with them; Grant::none if the file is contested.
    Grant share(Ino ino, Session& session);
    // Records that a reply contains a name of the folder, the absence of a name, or the whole
    // listing.
    void share_names(Ino folder, Session& session);
    // The session has just created the regular file.
    Grant share_created(Ino ino, Session& session);
    // Gives the session the exclusive grant, which no other session holds: the caller has awaited
    // settle(). `taken` says whether another session held it before that. Returns Grant::none if
    // the file is contested or no more exclusive grants can be recorded.
    Grant give_exclusive(Ino ino, Session& session, bool taken);

    // True if the session has to settle() before it may be sent the inode's data, size or times.
    bool in_the_way(Ino ino, const Session& session) const;
    // True if another session holds the inode exclusively.
    bool taken(Ino ino, const Session& session) const;
    // True if the session was asked to return the inode's exclusive grant and has not done so yet.
    bool recalled(Ino ino, const Session& session) const;

    // The first place in an inode's line. While a Turn exists, no other request gets past settle(),
    // so no exclusive grant is given either.
    class [[nodiscard]] Turn;
    // Waits in line, then until no other session holds the inode exclusively. Holders are asked to
    // keep only `keep`.
    Task<Turn> settle(Ino ino, SessionId session, Grant keep);

    void returned(Ino ino, Session& session, Grant keep);
    // The session has ended or lapsed and no longer holds anything.
    void ended(Session& session);

    // The session was opened in an earlier process. Until its client has reported what it holds,
    // every inode counts as possibly held by it exclusively.
    void await(Session& session);
    // The client reports that it holds the inode exclusively. Returns false if it does not get the
    // grant back.
    bool reassert(Ino ino, Session& session);
    // The client has reported everything that it holds, or is new.
    void returned_from_restart(Session& session);
    // Sessions that have not reported what they hold by now hold nothing.
    void end_grace();
    // The session's client has reconnected: sends it every Recall again that it has not answered.
    void repeat_recalls(Session& session);

    // Adds the holders of the inode to each call that may remove its last link. Must be called
    // right before the calls are applied.
    void name_holders(std::span<meta::Call> calls);
    // Notifies all other sessions of what the session's call changed, and records the names that
    // the session has learned. Must be called in the step in which the reply leaves.
    void announce(const meta::Call& call, const meta::Outcome& outcome, Session& session);
    // Notifies all holders that the inode's extents have changed although its bytes have not.
    void announce_moved(Ino ino) { revoke(ino, wire::revoke_data, 0); }
    // Revokes the grants beyond the limits. Must be called at the end of a turn, when no reply is
    // on its way.
    void trim();

    void add_blanket(Session& session);

    // The number of shared grants that are recorded.
    std::size_t shared() const { return shared_.grants() + folders_.grants(); }

private:
    struct Line {
        task::Semaphore head{1};
        task::WaitList returned;
        std::size_t users = 0;
        SessionId asked = 0;  // the session that was sent a Recall
        Grant keep = Grant::none;
    };

    template <class F>
    void each_holder(Ino ino, SessionId except, F&& f);
    void revoke(Ino ino, std::uint32_t what, SessionId except, const std::string& name = {});
    void revoke_link(const wire::Attr& attr, SessionId except);
    void share_changed_names(const meta::Call& call, const meta::Outcome& outcome,
                             Session& session);
    void revoke_all(const meta::Call& call, const meta::Outcome& outcome);
    std::vector<SessionId> holders(Ino ino, SessionId caller);
    std::vector<SessionId> all_sessions() const;
    std::vector<SessionId> target_holders(Ino parent, const std::string& name, SessionId caller);
    bool room_for_exclusive(const Session& session);
    void leave(Ino ino, bool was_head);
    bool may_be_held(Ino ino, SessionId except) const {
        return awaited_ > 0 && exclusive_.holder(ino) != except;
    }

    Loop& loop_;
    meta::Volume& volume_;
    Sessions& sessions_;
    Limits limits_;
    SharedHoldings shared_;
    SharedHoldings folders_;
    ExclusiveHoldings exclusive_;
    Contests contests_;
    std::vector<SessionId> blankets_;
    std::map<Ino, Line> lines_;
    std::size_t awaited_ = 0;  // sessions
    task::WaitList grace_over_;
    Ino asked_back_ = 0;  // the last inode whose grant was recalled to make room
};

class [[nodiscard]] Grants::Turn {
public:
    Turn() = default;  // belongs to no line
    Turn(Turn&& other) noexcept
        : grants_(std::exchange(other.grants_, nullptr)), ino_(other.ino_), head_(other.head_) {}
    Turn& operator=(Turn&& other) noexcept {
        std::swap(grants_, other.grants_);
        std::swap(ino_, other.ino_);
        std::swap(head_, other.head_);
        return *this;
    }
    ~Turn() {
        if (grants_) grants_->leave(ino_, head_);
    }

private:
    friend class Grants;
    Turn(Grants& grants, Ino ino) : grants_(&grants), ino_(ino) {}

    Grants* grants_ = nullptr;
    Ino ino_ = 0;
    bool head_ = false;
};

}  // namespace flexfs::service
