// The open sessions, and the pushers that reach their clients.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "lib/base/time.h"
#include "lib/rpc/rpc.h"
#include "lib/wire/operations.h"

namespace flexfs::service {

using wire::Grant;
using wire::Ino;
using wire::SessionId;

using Pusher = rpc::Pusher<wire::Metadata>;

struct Session {
    SessionId id = 0;
    std::string client;  // a name for log messages and listings
    bool read_only = false;
    // For in_process the session has no lease and ends with its client.
    rpc::Reach reach = rpc::Reach::over_socket;
    bool blanket = false;  // it may hold shared grants on everything (see grants.h)
    bool ended = false;
    bool lapsed = false;        // its lease has expired; it holds no grant and may be resumed
    bool awaited = false;       // its client has not yet reported grants of an earlier process
    std::uint64_t attempt = 0;  // the client's attempt that opened or resumed it last
    Duration seen{};            // the loop's time of its last request
    std::uint64_t pushed = 0;   // messages so far, including those dropped without a client
    Pusher* pusher = nullptr;   // null while the client is not connected

    // A session that is over, or has lost its lease, is given no grant.
    bool may_hold() const { return !ended && !lapsed; }
    bool is_local() const { return reach == rpc::Reach::in_process; }
    template <class M>
    void push(M message) {
        ++pushed;
        if (pusher) pusher->push(std::move(message));
    }
};

// Users of a Session keep a shared pointer; `ended` is set when the session is removed from here. A
// lapsed session is neither counted nor found, except through lapsed() and revive().
class Sessions {
public:
    using Map = std::map<SessionId, std::shared_ptr<Session>>;

    std::size_t size() const { return open_.size(); }
    Map::const_iterator begin() const { return open_.begin(); }
    Map::const_iterator end() const { return open_.end(); }
    // Returns null if the session is not open.
    std::shared_ptr<Session> find(SessionId id) const {
        const auto known = open_.find(id);
        return known == open_.end() ? nullptr : known->second;
    }
    Session* get(SessionId id) const {
        const auto known = open_.find(id);
        return known == open_.end() ? nullptr : known->second.get();
    }
    std::shared_ptr<Session> add(Session session) {
        const SessionId id = session.id;
        return open_[id] = std::make_shared<Session>(std::move(session));
    }
    void remove(SessionId id) {
        for (Map* all : {&open_, &lapsed_}) {
            const auto known = all->find(id);
            if (known == all->end()) continue;
            known->second->ended = true;
            known->second->pusher = nullptr;
            all->erase(known);
        }
    }

    void lapse(SessionId id) {
        const auto known = open_.find(id);
        if (known == open_.end()) return;
        known->second->lapsed = true;
        known->second->pusher = nullptr;
        lapsed_.insert(open_.extract(known));
    }
    // Returns null if the session has not lapsed or has ended since.
    std::shared_ptr<Session> revive(SessionId id) {
        const auto known = lapsed_.find(id);
        if (known == lapsed_.end()) return nullptr;
        known->second->lapsed = false;
        return open_.insert(lapsed_.extract(known)).position->second;
    }
    const Map& lapsed() const { return lapsed_; }

private:
    Map open_;
    Map lapsed_;
};

}  // namespace flexfs::service
