// The sessions that are open, and the way to their clients.
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
    std::string client;  // for people
    bool read_only = false;
    // Of a client in this process: the session has no lease, and ends with the client.
    rpc::Reach reach = rpc::Reach::over_socket;
    bool blanket = false;  // it may hold a shared grant on anything (see grants.h)
    bool ended = false;
    bool lapsed = false;        // its lease has run out; it holds no grant, and may be resumed
    bool awaited = false;       // of an earlier process: its client has not said what it holds
    std::uint64_t attempt = 0;  // the client's, that opened or resumed it last
    Duration seen{};            // the loop's time of its last request
    std::uint64_t pushed = 0;   // messages so far, also those that nobody was there to take
    Pusher* pusher = nullptr;   // null: not connected now

    bool is_local() const { return reach == rpc::Reach::in_process; }
    template <class M>
    void push(M message) {
        ++pushed;
        if (pusher) pusher->push(std::move(message));
    }
};

// Those who use a Session keep a pointer: it is `ended` when it is no longer in here. A lapsed one
// is neither counted nor found, except by those who ask for lapsed ones.
class Sessions {
public:
    using Map = std::map<SessionId, std::shared_ptr<Session>>;

    std::size_t size() const { return open_.size(); }
    Map::const_iterator begin() const { return open_.begin(); }
    Map::const_iterator end() const { return open_.end(); }
    // Null: not open (any more).
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
    // Null: it has not lapsed, or has ended since.
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
