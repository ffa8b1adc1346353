#include "lib/cache/budget.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "lib/base/format.h"

namespace flexfs::cache {
namespace {

// Shares of a limit: a large request leaves 1/reserve_share to small ones, which may also overtake
// it with that much; a request is small up to 1/small_share.
constexpr std::uint64_t reserve_share = 8, small_share = 32;

std::uint64_t above(std::uint64_t used, std::uint64_t limit) {
    return used > limit ? used - limit : 0;
}

}  // namespace

Reservation::Reservation(Reservation&& other) noexcept
    : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)), use_(other.use_) {}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
    if (this == &other) return *this;
    shrink(0);
    budget_ = other.budget_;
    bytes_ = std::exchange(other.bytes_, 0);
    use_ = other.use_;
    return *this;
}

void Reservation::shrink(std::uint64_t bytes) {
    check(bytes <= bytes_);
    const std::uint64_t back = bytes_ - bytes;
    bytes_ = bytes;
    if (back > 0) budget_->give_back(back, use_);
}

Reservation Reservation::split(std::uint64_t bytes) {
    check(bytes <= bytes_);
    bytes_ -= bytes;
    return {budget_, bytes, use_};
}

void Reservation::merge(Reservation other) {
    if (other.bytes_ == 0) return;
    if (bytes_ == 0) {
        *this = std::move(other);
        return;
    }
    check(budget_ == other.budget_ && use_ == other.use_);
    bytes_ += std::exchange(other.bytes_, 0);
}

void Reservation::make_clean() {
    if (use_ != Use::dirty) return;
    use_ = Use::clean;
    if (bytes_ == 0) return;
    budget_->dirty_ -= bytes_;
    budget_->hand_out();
}

Task<void> Account::take(std::uint64_t bytes) {
    check(held_.bytes() == 0 && !waiting_);
    const auto lane = budget_.lane_of(bytes, kind_);
    if (bytes > budget_.most(kind_))
        co_await fail(ENOMEM, fmt::format("cannot take {} bytes of memory at once; at most {}",
                                          bytes, budget_.most(kind_)));
    if (budget_.admit(bytes, kind_)) {
        budget_.count(bytes, kind_, lane);
    } else {
        const bool dirty = kind_ == Budget::Kind::dirty;
        if (dirty && budget_.refused_ != 0) co_await fail(budget_.refused_);
        waiting_ = true;
        auto granted = co_await result(budget_.waiting(kind_, lane).wait(bytes));
        waiting_ = false;
        if (!granted) budget_.hand_out();  // those behind it may have waited only for this one
        co_await std::move(granted);       // serve() counted the bytes
    }
    const bool dirty = kind_ == Budget::Kind::dirty;
    held_ = Reservation(&budget_, bytes, dirty ? Reservation::Use::dirty : Reservation::Use::clean);
}

Budget::Budget(std::uint64_t limit, std::uint64_t dirty_limit)
    : limit_(limit), dirty_limit_(std::min(limit, dirty_limit)) {}

Budget::~Budget() {
    check(used_ == 0 && reclaims_.empty());
}

std::uint64_t Budget::limit(Kind kind) const {
    const std::uint64_t whole = limit_ - std::min(limit_, set_aside_);
    return kind == Kind::dirty ? std::min(dirty_limit_, whole) : whole;
}

std::uint64_t Budget::most(Kind kind) const {
    return limit(kind) - limit(kind) / reserve_share;
}

Budget::Lane Budget::lane_of(std::uint64_t bytes, Kind kind) const {
    return bytes <= limit(kind) / small_share ? Lane::small : Lane::large;
}

std::uint64_t Budget::missing_of_whole(std::uint64_t bytes, Lane lane) const {
    const std::uint64_t reserve = lane == Lane::large ? limit(Kind::clean) / reserve_share : 0;
    return above(used_ + bytes, limit_ - reserve);
}

std::uint64_t Budget::missing_of_dirty(std::uint64_t bytes, Kind kind, Lane lane) const {
    if (kind != Kind::dirty) return 0;
    const std::uint64_t reserve = lane == Lane::large ? limit(Kind::dirty) / reserve_share : 0;
    return above(dirty_ + bytes, limit(Kind::dirty) - reserve);
}

std::uint64_t Budget::missing(std::uint64_t bytes, Kind kind, Lane lane) const {
    return std::max(missing_of_whole(bytes, lane), missing_of_dirty(bytes, kind, lane));
}

// Memory freed by a reclaimer comes back through give_back(), which must not start another round.
bool Budget::make_room(std::uint64_t bytes, Kind kind, Lane lane) {
    if (missing(bytes, kind, lane) == 0) return true;
    if (reclaiming_) return false;
    reclaiming_ = true;
    for (auto& reclaim : reclaims_) {
        if (missing(bytes, kind, lane) == 0) break;
        const bool too_dirty = missing_of_dirty(bytes, kind, lane) > 0;
        reclaim(kind, too_dirty ? 0 : missing_of_whole(bytes, lane));
    }
    reclaiming_ = false;
    return missing(bytes, kind, lane) == 0;
}

// True if a request waits for the whole limit, not for dirty bytes to become clean.
bool Budget::waits_for_whole(Kind kind, Lane lane) {
    task::WaitList& list = waiting(kind, lane);
    return !list.empty() && missing_of_dirty(list.next_units(), kind, lane) == 0;
}

// True if a large request of kind `large` waits for the same bytes as a small one of `kind`.
bool Budget::holds_back(Kind large, Kind kind) {
    if (waiting(large, Lane::large).empty()) {
        overtaken_[int(large)] = 0;
        return false;
    }
    return large == kind || waits_for_whole(large, Lane::large);
}

bool Budget::may_overtake(std::uint64_t bytes, Kind kind) {
    return std::ranges::all_of(kinds, [&](Kind large) {
        return !holds_back(large, kind) ||
               overtaken_[int(large)] + bytes <= limit(large) / reserve_share;
    });
}

// Returns true if a new request need not wait: it is its turn and there is room.
bool Budget::admit(std::uint64_t bytes, Kind kind) {
    const Lane lane = lane_of(bytes, kind);
    if (!waiting(kind, lane).empty() || waits_for_whole(other(kind), lane)) return false;
    if (lane == Lane::small && !may_overtake(bytes, kind)) return false;
    return make_room(bytes, kind, lane);
}

void Budget::count(std::uint64_t bytes, Kind kind, Lane lane) {
    used_ += bytes;
    if (kind == Kind::dirty) dirty_ += bytes;
    first_[int(lane)] = other(kind);
    if (lane == Lane::large) {
        overtaken_[int(kind)] = 0;
    } else {
        for (Kind large : kinds)
            if (holds_back(large, kind)) overtaken_[int(large)] += bytes;
    }
}

std::optional<Reservation> Budget::try_take(std::uint64_t bytes, Kind kind) {
    const Lane lane = lane_of(bytes, kind);
    const bool overtakes = std::ranges::any_of(kinds, [&](Kind k) { return holds_back(k, kind); });
    if (bytes > most(kind) || overtakes || !admit(bytes, kind)) return std::nullopt;
    count(bytes, kind, lane);
    return Reservation(this, bytes,
                       kind == Kind::dirty ? Reservation::Use::dirty : Reservation::Use::clean);
}

Reservation Budget::claim(std::uint64_t bytes) {
    make_room(bytes, Kind::clean, Lane::small);
    used_ += bytes;
    return {this, bytes, Reservation::Use::clean};
}

Reservation Budget::set_aside(std::uint64_t bytes) {
    used_ += bytes;
    set_aside_ += bytes;
    return {this, bytes, Reservation::Use::set_aside};
}

void Budget::refuse_dirty(int code) {
    refused_ = code;
    if (code == 0) return;
    for (task::WaitList& list : waiting_[int(Kind::dirty)]) list.wake_all(code);
}

Buffer Budget::charge(Buffer memory, Reservation reservation) {
    struct Charged {
        Reservation reservation;
        Buffer memory;
    };
    auto owner = std::make_shared<Charged>(std::move(reservation), std::move(memory));
    const ByteView view = owner->memory.view();
    return {std::move(owner), view};
}

void Budget::give_back(std::uint64_t bytes, Reservation::Use use) {
    const bool dirty = use == Reservation::Use::dirty;
    check(bytes <= used_ && (!dirty || bytes <= dirty_));
    used_ -= bytes;
    if (dirty) dirty_ -= bytes;
    if (use == Reservation::Use::set_aside) set_aside_ -= bytes;
    hand_out();
}

// Serves the first waiting request of the list, if there is room.
bool Budget::serve(Kind kind, Lane lane) {
    task::WaitList& list = waiting(kind, lane);
    const std::uint64_t bytes = list.next_units();
    if (!make_room(bytes, kind, lane)) return false;
    count(bytes, kind, lane);
    list.wake_one();
    return true;
}

// The kinds take turns: if the kind whose turn it is waits for the whole limit, the other kind
// waits, too.
bool Budget::serve(Lane lane) {
    const Kind first = first_[int(lane)];
    for (Kind kind : {first, other(first)}) {
        if (waiting(kind, lane).empty()) continue;
        if (lane == Lane::small && !may_overtake(waiting(kind, lane).next_units(), kind)) continue;
        if (serve(kind, lane)) return true;
        if (waits_for_whole(kind, lane)) return false;
    }
    return false;
}

void Budget::hand_out() {
    if (reclaiming_) return;
    while (serve(Lane::small) || serve(Lane::large)) {}
}

std::unique_ptr<Budget::Reclaimer> Budget::add_reclaimer(Reclaim reclaim) {
    const auto at = reclaims_.insert(reclaims_.end(), std::move(reclaim));
    return std::unique_ptr<Reclaimer>(new Reclaimer(this, at));
}

}  // namespace flexfs::cache
