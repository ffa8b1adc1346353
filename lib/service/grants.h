// Grants: who may keep what it was told, who must be told of a change, and who has to give back
// what another needs.
//
// Shared. Whatever a reply tells may be cached until a Revoke names it. Who was told what is
// written down in two bounded tables: of inodes, and of folders whose names were told. What falls
// out of the first is revoked. Names cannot be revoked as a whole, so who falls out of the second
// counts from then on as holding everything (`blanket`) and is told of each change there is. The
// same goes, from its beginning, for a session in this process that is alone when it opens: an
// embedded volume, which has one session, pays nothing for its grants.
//
// Exclusive. Only regular files; written down always, as ranges of inode numbers. The creator has
// it; Open{exclusive} gets it when nobody else does and the file is not contested. It covers the
// data, the size, and the times, so in its way is what tells those or changes them: lookup,
// getattr, open, extents, setattr, allocate, copy_range (both its files), link and an open by Make.
// Each first sends Recall and waits for ReturnGrant (or for the holder's end); requests for one
// inode wait in line. Not in its way: names (unlink and rename change links and ctime, of which the
// holder hears by a Revoke), xattrs, and listings, which leave the attributes of such files out.
//
// No deadlock. A request that waits holds nothing but its place in the line of its inode, and
// copy_range, which stands in two, takes them in the order of the inodes. What a holder needs in
// order to answer a Recall is ReserveSegments, Commit, Sync, ReturnGrant: they wait for nobody, not
// even for a line in which their own session waits, and the holder itself is never sent to the end
// of the line of what it holds. So no circle of waiting can close.
// That commits do not wait for other holders costs no write: both stay, one over the other. It
// happens only to a session that had asked to write before the other got the grant, which makes the
// two writes simultaneous, and any order is right.
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

    // With one session nothing can be in anybody's way, and nobody else is to be told.
    bool alone() const { return sessions_.size() <= 1 && awaited_ == 0; }

    // --- giving ---

    // The session is about to be told of the inode, in a reply of this turn: what it may do with
    // it.
    Grant share(Ino ino, Session& session);
    // The same for a name in the folder, or that there is none, or the whole listing.
    void share_names(Ino folder, Session& session);
    // It has just created the regular file.
    Grant share_created(Ino ino, Session& session);
    // The session wants the exclusive grant, and nobody else has it: settle() was awaited.
    // `taken`: somebody else had it before that.
    Grant give_exclusive(Ino ino, Session& session, bool taken);

    // --- waiting ---

    // Whether the session has to settle() before it is told of the inode's data, size or times.
    bool in_the_way(Ino ino, const Session& session) const;
    // Whether another session holds the inode exclusively.
    bool taken(Ino ino, const Session& session) const;
    // Whether the session was asked to return the inode's exclusive grant and has not yet.
    bool recalled(Ino ino, const Session& session) const;

    // The head of an inode's line. While one exists, nobody else gets past settle(), so no
    // exclusive grant is given either.
    class [[nodiscard]] Turn;
    // Waits in line, then until no other session holds the inode exclusively; holders keep `keep`.
    Task<Turn> settle(Ino ino, SessionId session, Grant keep);

    void returned(Ino ino, Session& session, Grant keep);
    // The session is over or has lapsed: it holds nothing.
    void ended(Session& session);

    // --- after a restart ---

    // The session is of an earlier process, and may hold anything exclusively until its client has
    // said what: while there are such sessions, what one of them may hold counts as taken.
    void await(Session& session);
    // The client says that it holds the inode exclusively. False: it does not.
    bool reassert(Ino ino, Session& session);
    // The client has said all it holds, or is new.
    void returned_from_restart(Session& session);
    // Whoever has not said by now what it holds, holds nothing.
    void end_grace();
    // The session's client is connected again: it is asked once more for what it has not returned.
    void repeat_recalls(Session& session);

    // --- changes ---

    // Completes calls that may take an inode's last link by its holders. Right before they are
    // applied.
    void name_holders(std::span<meta::Call> calls);
    // Tells all others what the session's call changed, and notes which names it has learned. In
    // the step in which the reply leaves.
    void announce(const meta::Call& call, const meta::Outcome& outcome, Session& session);
    // Tells all holders that the inode's extents are others now; the bytes are the same.
    void announce_moved(Ino ino) { revoke(ino, wire::revoke_data, 0); }
    // Revokes what is beyond the limits. At the turn's end: no reply is on its way then.
    void trim();

    void add_blanket(Session& session);

private:
    struct Line {
        task::Semaphore head{1};
        task::WaitList returned;
        std::size_t users = 0;
        SessionId asked = 0;  // was sent a Recall
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
    Ino asked_back_ = 0;  // the last that was recalled to make room
};

class [[nodiscard]] Grants::Turn {
public:
    Turn() = default;  // of no line
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
