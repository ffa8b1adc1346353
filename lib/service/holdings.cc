#include "lib/service/holdings.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "lib/base/check.h"

namespace flexfs::service {

void SharedHoldings::add(Ino ino, SessionId session) {
    const auto [known, fresh] = by_ino_.try_emplace(ino);
    if (fresh) {
        items_.push_front({ino, {session}});
        known->second = items_.begin();
        ++grants_;
        return;
    }
    // The inode moves to the front, which a running sweep has passed.
    const auto item = known->second;
    remove_ended(*item);
    if (item == next_) ++next_;
    items_.splice(items_.begin(), items_, item);
    std::vector<SessionId>& holders = item->holders;
    if (std::ranges::find(holders, session) != holders.end()) return;
    holders.push_back(session);
    ++grants_;
}

const std::vector<SessionId>& SharedHoldings::holders(Ino ino) const {
    static const std::vector<SessionId> nobody;
    const auto known = by_ino_.find(ino);
    return known == by_ino_.end() ? nobody : known->second->holders;
}

void SharedHoldings::erase(Ino ino) {
    const auto known = by_ino_.find(ino);
    if (known != by_ino_.end()) erase(known->second);
}

void SharedHoldings::erase(Items::iterator item) {
    if (item == next_) ++next_;
    grants_ -= item->holders.size();
    by_ino_.erase(item->ino);
    items_.erase(item);
}

std::optional<SharedHoldings::Item> SharedHoldings::pop_oldest() {
    if (items_.empty()) return std::nullopt;
    const auto last = std::prev(items_.end());
    Item oldest = *last;
    erase(last);
    return oldest;
}

void SharedHoldings::end(SessionId session) {
    waiting_.insert(session);
}

void SharedHoldings::remove_ended(Item& item) {
    if (ended_.empty() && waiting_.empty()) return;
    grants_ -= std::erase_if(item.holders, [&](SessionId session) {
        return ended_.contains(session) || waiting_.contains(session);
    });
}

void SharedHoldings::sweep(std::size_t items) {
    if (ended_.empty()) {
        if (waiting_.empty()) return;
        ended_ = std::exchange(waiting_, {});
        next_ = items_.begin();
    }
    for (; items > 0 && next_ != items_.end(); --items) {
        const auto item = next_++;
        remove_ended(*item);
        if (item->holders.empty()) erase(item);
    }
    if (next_ == items_.end()) ended_.clear();
}

SessionId ExclusiveHoldings::holder(Ino ino) const {
    const auto next = ranges_.upper_bound(ino);
    if (next == ranges_.begin()) return 0;
    const Range& range = std::prev(next)->second;
    return ino <= range.last ? range.holder : 0;
}

void ExclusiveHoldings::add(Ino ino, SessionId session) {
    auto next = ranges_.upper_bound(ino);
    const bool follows =
        next != ranges_.end() && next->first == ino + 1 && next->second.holder == session;
    const Ino last = follows ? next->second.last : ino;
    if (next != ranges_.begin()) {
        auto before = std::prev(next);
        Range& range = before->second;
        if (ino <= range.last) return check(range.holder == session);
        if (range.last + 1 == ino && range.holder == session) {
            range.last = last;
            if (follows) ranges_.erase(next);
            return;
        }
    }
    if (follows) next = ranges_.erase(next);
    ranges_.emplace_hint(next, ino, Range{last, session});
}

void ExclusiveHoldings::remove(Ino ino) {
    const auto next = ranges_.upper_bound(ino);
    if (next == ranges_.begin()) return;
    const auto at = std::prev(next);
    const auto [last, holder] = at->second;
    if (ino > last) return;
    if (ino < last) ranges_.emplace_hint(next, ino + 1, Range{last, holder});
    if (at->first == ino) ranges_.erase(at);
    else at->second.last = ino - 1;
}

void ExclusiveHoldings::end(SessionId session) {
    std::erase_if(ranges_, [&](const auto& range) { return range.second.holder == session; });
}

void ExclusiveHoldings::merge(SessionId session) {
    if (ranges_.empty()) return;
    const Ino first = ranges_.begin()->first;
    const Ino last = ranges_.rbegin()->second.last;
    ranges_.clear();
    ranges_.emplace(first, Range{last, session});
}

Ino ExclusiveHoldings::after(Ino ino) const {
    if (ranges_.empty()) return 0;
    auto next = ranges_.upper_bound(ino);
    if (next != ranges_.begin() && std::prev(next)->second.last > ino) return ino + 1;
    return next == ranges_.end() ? ranges_.begin()->first : next->first;
}

bool Contests::ask(Ino ino, SessionId session, bool taken, Duration now) {
    auto known = files_.find(ino);
    if (known == files_.end()) {
        if (!taken) return false;
        make_room(now);
        known = files_.emplace(ino, File{.last_at = now, .other_at = now}).first;
    }
    File& file = known->second;
    if (file.last != session) {
        file.other_at = file.last_at;
        file.last = session;
        ++file.turns;
    }
    file.last_at = now;
    if (now - file.other_at >= window) {
        files_.erase(known);
        return false;
    }
    // The first change of the writer is a hand-over, not a contest.
    return file.turns > 1;
}

bool Contests::contested(Ino ino, Duration now) const {
    if (files_.empty()) return false;
    const auto known = files_.find(ino);
    return known != files_.end() && known->second.turns > 1 &&
           now - known->second.other_at < window;
}

void Contests::make_room(Duration now) {
    if (files_.size() < files_max) return;
    std::erase_if(files_, [&](const auto& file) { return now - file.second.other_at >= window; });
    if (files_.size() < files_max) return;
    const auto older = [](const auto& a, const auto& b) {
        return a.second.last_at < b.second.last_at;
    };
    files_.erase(std::ranges::min_element(files_, older));
}

}  // namespace flexfs::service
