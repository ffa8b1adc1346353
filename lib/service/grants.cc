#include "lib/service/grants.h"

#include <algorithm>

namespace flexfs::service {
namespace {

// Limits how long the removal of ended sessions occupies the loop in one turn.
constexpr std::size_t swept_max = 4096;  // inodes

}  // namespace

Grant Grants::share(Ino ino, Session& session) {
    if (!session.may_hold()) return Grant::none;
    // Its holder may have got the grant while the request of this session was executed.
    if (taken(ino, session)) return Grant::none;
    if (contests_.contested(ino, loop_.now())) return Grant::none;
    if (!session.blanket) shared_.add(ino, session.id);
    return Grant::shared;
}

void Grants::share_names(Ino folder, Session& session) {
    if (session.may_hold() && !session.blanket) folders_.add(folder, session.id);
}

Grant Grants::share_created(Ino ino, Session& session) {
    if (!session.may_hold()) return Grant::none;
    if (!room_for_exclusive(session)) return share(ino, session);
    exclusive_.add(ino, session.id);
    return Grant::exclusive;
}

Grant Grants::give_exclusive(Ino ino, Session& session, bool taken) {
    if (!session.may_hold()) return Grant::none;
    if (!alone() && contests_.ask(ino, session.id, taken, loop_.now())) return Grant::none;
    if (!room_for_exclusive(session)) return Grant::none;
    if (!alone()) {
        // Other clients would not be notified of writes that the holder keeps in its cache.
        revoke(ino, wire::revoke_attr | wire::revoke_data | wire::revoke_xattr, session.id);
        shared_.erase(ino);
    }
    exclusive_.add(ino, session.id);
    return Grant::exclusive;
}

bool Grants::room_for_exclusive(const Session& session) {
    if (exclusive_.ranges() < limits_.exclusive) return true;
    if (alone()) {
        exclusive_.merge(session.id);
        return true;
    }
    // No exclusive grant is given until one is returned; each refusal recalls one.
    asked_back_ = exclusive_.after(asked_back_);
    if (Session* holder = sessions_.get(exclusive_.holder(asked_back_)))
        holder->push(wire::Recall{asked_back_, Grant::shared});
    return false;
}

bool Grants::taken(Ino ino, const Session& session) const {
    if (alone()) return false;
    const SessionId holder = exclusive_.holder(ino);
    return holder != 0 && holder != session.id;
}

bool Grants::in_the_way(Ino ino, const Session& session) const {
    if (alone()) return false;
    const SessionId holder = exclusive_.holder(ino);
    if (holder == session.id) return false;
    return holder != 0 || awaited_ > 0 || lines_.contains(ino);
}

bool Grants::recalled(Ino ino, const Session& session) const {
    if (lines_.empty()) return false;
    const auto line = lines_.find(ino);
    return line != lines_.end() && line->second.asked == session.id;
}

Task<Grants::Turn> Grants::settle(Ino ino, SessionId session, Grant keep) {
    Line& line = lines_[ino];
    ++line.users;
    Turn turn(*this, ino);
    co_await line.head.acquire();
    turn.head_ = true;
    while (may_be_held(ino, session)) co_await grace_over_.wait();
    for (;;) {
        const SessionId holder = exclusive_.holder(ino);
        Session* other = holder == session ? nullptr : sessions_.get(holder);
        if (!other) break;
        if (line.asked != holder || line.keep > keep) {
            line.asked = holder;
            line.keep = keep;
            other->push(wire::Recall{ino, keep});
        }
        co_await line.returned.wait();
    }
    co_return turn;
}

void Grants::leave(Ino ino, bool was_head) {
    const auto line = lines_.find(ino);
    if (was_head) line->second.head.release();
    if (--line->second.users == 0) lines_.erase(line);
}

void Grants::returned(Ino ino, Session& session, Grant keep) {
    if (keep == Grant::exclusive || exclusive_.holder(ino) != session.id) return;
    exclusive_.remove(ino);
    // The session still knows what it read before, whatever it says it keeps: a reply that crossed
    // the Recall may tell it even more.
    if (!session.blanket) shared_.add(ino, session.id);
    const auto line = lines_.find(ino);
    if (line == lines_.end()) return;
    line->second.asked = 0;
    line->second.returned.wake_all();
}

void Grants::ended(Session& session) {
    exclusive_.end(session.id);
    std::erase(blankets_, session.id);
    if (session.ended) {
        shared_.end(session.id);
        folders_.end(session.id);
    }
    for (auto& [ino, line] : lines_) {
        if (line.asked == session.id) line.asked = 0;
        line.returned.wake_all();
    }
    returned_from_restart(session);
}

void Grants::await(Session& session) {
    if (!std::exchange(session.awaited, true)) ++awaited_;
}

bool Grants::reassert(Ino ino, Session& session) {
    const SessionId holder = exclusive_.holder(ino);
    if (holder != 0) return holder == session.id;
    if (!session.awaited || exclusive_.ranges() >= limits_.exclusive) return false;
    exclusive_.add(ino, session.id);
    return true;
}

void Grants::returned_from_restart(Session& session) {
    if (!std::exchange(session.awaited, false)) return;
    if (--awaited_ == 0) grace_over_.wake_all();
}

void Grants::end_grace() {
    if (awaited_ == 0) return;
    for (const auto& [id, session] : sessions_) returned_from_restart(*session);
}

void Grants::repeat_recalls(Session& session) {
    for (auto& [ino, line] : lines_)
        if (line.asked == session.id) session.push(wire::Recall{ino, line.keep});
}

void Grants::add_blanket(Session& session) {
    if (std::exchange(session.blanket, true)) return;
    blankets_.push_back(session.id);
}

void Grants::trim() {
    shared_.sweep(swept_max);
    folders_.sweep(swept_max);
    while (shared_.size() > limits_.shared) {
        const auto oldest = shared_.pop_oldest();
        constexpr std::uint32_t all = wire::revoke_attr | wire::revoke_data | wire::revoke_xattr;
        for (SessionId id : oldest->holders)
            if (Session* holder = sessions_.get(id))
                holder->push(wire::Revoke{oldest->ino, all, {}});
    }
    while (folders_.size() > limits_.folders) {
        for (SessionId id : folders_.pop_oldest()->holders)
            if (Session* holder = sessions_.get(id)) add_blanket(*holder);
    }
}

}  // namespace flexfs::service
