#include "lib/cache/budget.h"

#include <algorithm>
#include <utility>

namespace flexfs::cache {

Reservation::Reservation(Reservation&& other) noexcept
    : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)), dirty_(other.dirty_) {}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
    if (this == &other) return *this;
    shrink(0);
    budget_ = other.budget_;
    bytes_ = std::exchange(other.bytes_, 0);
    dirty_ = other.dirty_;
    return *this;
}

void Reservation::shrink(std::uint64_t bytes) {
    check(bytes <= bytes_);
    const std::uint64_t back = bytes_ - bytes;
    bytes_ = bytes;
    if (back > 0) budget_->give_back(back, dirty_);
}

Reservation Reservation::split(std::uint64_t bytes) {
    check(bytes <= bytes_);
    bytes_ -= bytes;
    return {budget_, bytes, dirty_};
}

void Reservation::merge(Reservation other) {
    if (other.bytes_ == 0) return;
    if (bytes_ == 0) {
        *this = std::move(other);
        return;
    }
    check(budget_ == other.budget_ && dirty_ == other.dirty_);
    bytes_ += std::exchange(other.bytes_, 0);
}

void Reservation::make_clean() {
    if (!std::exchange(dirty_, false) || bytes_ == 0) return;
    budget_->dirty_ -= bytes_;
    budget_->hand_out();
}

Budget::Budget(std::uint64_t limit, std::uint64_t dirty_limit)
    : limit_(limit), dirty_limit_(std::min(limit, dirty_limit)) {}

Budget::~Budget() {
    check(used_ == 0 && reclaims_.empty());
}

std::uint64_t Budget::clamp(std::uint64_t bytes, Kind kind) const {
    return std::min(bytes, kind == Kind::dirty ? dirty_limit_ : limit_);
}

std::uint64_t Budget::missing(std::uint64_t bytes, Kind kind) const {
    const auto above = [bytes](std::uint64_t used, std::uint64_t limit) {
        return used + bytes > limit ? used + bytes - limit : 0;
    };
    const std::uint64_t whole = above(used_, limit_);
    return kind == Kind::dirty ? std::max(whole, above(dirty_, dirty_limit_)) : whole;
}

// What a reclaimer frees comes back through give_back(), which must not start another round.
bool Budget::make_room(std::uint64_t bytes, Kind kind) {
    if (missing(bytes, kind) == 0) return true;
    if (reclaiming_) return false;
    reclaiming_ = true;
    for (auto& reclaim : reclaims_) {
        const std::uint64_t lacking = missing(bytes, kind);
        if (lacking == 0) break;
        reclaim(kind, lacking);
    }
    reclaiming_ = false;
    return missing(bytes, kind) == 0;
}

Reservation Budget::grant(std::uint64_t bytes, Kind kind) {
    used_ += bytes;
    if (kind == Kind::dirty) dirty_ += bytes;
    return {this, bytes, kind == Kind::dirty};
}

std::optional<Reservation> Budget::try_take(std::uint64_t bytes, Kind kind) {
    bytes = clamp(bytes, kind);
    if (!turns(kind).empty() || !make_room(bytes, kind)) return std::nullopt;
    return grant(bytes, kind);
}

Task<Reservation> Budget::take(std::uint64_t bytes, Kind kind) {
    if (auto taken = try_take(bytes, kind)) co_return std::move(*taken);
    if (kind == Kind::dirty && refused_ != 0) co_return fail(refused_);
    bytes = clamp(bytes, kind);
    Turn turn{bytes, {}};
    turns(kind).push_back(&turn);
    auto granted = co_await result(turn.waiting.wait());
    if (!granted) {
        std::erase(turns(kind), &turn);
        hand_out();  // those behind may have waited for this one only
        co_return fail(std::move(granted.error()));
    }
    co_return Reservation(this, bytes, kind == Kind::dirty);  // hand_out() counted it
}

Reservation Budget::claim(std::uint64_t bytes) {
    make_room(bytes, Kind::clean);
    return grant(bytes, Kind::clean);
}

void Budget::refuse_dirty(int code) {
    refused_ = code;
    if (code == 0) return;
    while (!dirty_turns_.empty()) {
        dirty_turns_.front()->waiting.wake_one(code);
        dirty_turns_.pop_front();
    }
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

void Budget::give_back(std::uint64_t bytes, bool dirty) {
    check(bytes <= used_ && (!dirty || bytes <= dirty_));
    used_ -= bytes;
    if (dirty) dirty_ -= bytes;
    if (!reclaiming_) hand_out();
}

void Budget::hand_out() {
    for (Kind kind : {Kind::clean, Kind::dirty}) {
        while (!turns(kind).empty() && make_room(turns(kind).front()->bytes, kind)) {
            Turn* turn = turns(kind).front();
            turns(kind).pop_front();
            used_ += turn->bytes;
            if (kind == Kind::dirty) dirty_ += turn->bytes;
            turn->waiting.wake_one();
        }
    }
}

std::unique_ptr<Budget::Reclaimer> Budget::add_reclaimer(Reclaim reclaim) {
    const auto at = reclaims_.insert(reclaims_.end(), std::move(reclaim));
    return std::unique_ptr<Reclaimer>(new Reclaimer(&reclaims_, at));
}

}  // namespace flexfs::cache
