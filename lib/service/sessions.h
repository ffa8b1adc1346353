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
    bool local = false;    // its client is in this process: it has no lease, and ends with it
    bool blanket = false;  // it may hold a shared grant on anything (see grants.h)
    bool ended = false;
    Duration seen{};           // the loop's time of its last request
    std::uint64_t pushed = 0;  // messages so far, also those that nobody was there to take
    Pusher* pusher = nullptr;  // null: not connected now

    template <class M>
    void push(M message) {
        ++pushed;
        if (pusher) pusher->push(std::move(message));
    }
};

// Those who use a Session keep a pointer: it is `ended` when it is no longer in here.
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
        const auto known = open_.find(id);
        if (known == open_.end()) return;
        known->second->ended = true;
        known->second->pusher = nullptr;
        open_.erase(known);
    }

private:
    Map open_;
};

}  // namespace flexfs::service
