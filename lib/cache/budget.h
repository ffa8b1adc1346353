// One memory budget per process: caches, dirty data and running operations take their bytes from
// it, and their total stays within its limit. Caches use the free remainder and give it back when
// it is needed. Everything runs on the loop's thread, including the destruction of the last copy of
// a charged buffer.
//
// These rules keep every taker from waiting forever:
// - A holder of budget never waits for more of it. Waiting is possible only through an Account,
//   which must be empty. An operation that needs memory for several things computes what is
//   missing, takes all of it at once, computes again (the state may have changed) and only then
//   begins. A reader of several chunks does the same: without holding any of them it determines
//   which are not in memory, takes the memory for fetching them, looks again, passes the memory to
//   the fetches, and from then on keeps the chunks that are found or fetched. If one is missing
//   after all, it releases everything and starts again.
// - Small requests (at most 1/32 of the limit) and large ones queue separately, in order of
//   arrival. Large ones may use only 7/8 of the limit, so that small ones soon find room. Small
//   ones may overtake a waiting large one, but with no more than 1/8 of the limit in total.
// - A request that can never fit fails with ENOMEM.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>

#include "lib/base/bytes.h"
#include "lib/task/wait.h"

namespace flexfs::cache {

class Budget;

// Bytes taken from a budget, which must outlive the reservation. The destructor gives them back.
class [[nodiscard]] Reservation {
public:
    Reservation() = default;
    Reservation(Reservation&& other) noexcept;
    Reservation& operator=(Reservation&& other) noexcept;
    ~Reservation() { shrink(0); }

    std::uint64_t bytes() const { return bytes_; }
    // Gives back all but `bytes`, which must not be more than it holds.
    void shrink(std::uint64_t bytes);
    // Splits off `bytes` as a reservation of its own.
    Reservation split(std::uint64_t bytes);
    // Adds `other`, which must be of the same budget and kind unless one of the two is empty.
    void merge(Reservation other);
    // Marks the bytes as no longer dirty.
    void make_clean();

private:
    friend class Account;
    friend class Budget;
    enum class Use { clean, dirty, set_aside };
    Reservation(Budget* budget, std::uint64_t bytes, Use use)
        : budget_(budget), bytes_(bytes), use_(use) {}

    Budget* budget_ = nullptr;
    std::uint64_t bytes_ = 0;
    Use use_ = Use::clean;
};

class Budget {
public:
    // Dirty bytes hold data that exists only in this process. They count towards the whole limit
    // and also have a limit of their own.
    enum class Kind { clean, dirty };

    Budget(std::uint64_t limit, std::uint64_t dirty_limit);
    ~Budget();
    Budget(const Budget&) = delete;
    Budget& operator=(const Budget&) = delete;

    // Takes the bytes at once, after caches have made room, or not at all. Never overtakes a
    // waiting request.
    std::optional<Reservation> try_take(std::uint64_t bytes, Kind kind = Kind::clean);
    // Takes the bytes at once, even above the limit: for bounded work that frees memory, such as
    // writing back dirty data.
    Reservation claim(std::uint64_t bytes);
    // Takes bytes that are never given back while the budget is used, such as tables of a fixed
    // size. Limits of later requests are computed from the rest, so call it before any other
    // request.
    Reservation set_aside(std::uint64_t bytes);
    // The largest request that can ever succeed.
    std::uint64_t most(Kind kind = Kind::clean) const;
    // Requests that wait or would have to wait for dirty bytes fail with the error `code`, because
    // dirty data cannot be written back. With 0 they wait again.
    void refuse_dirty(int code);
    // Returns `memory`; the destruction of its last copy gives `reservation` back.
    static Buffer charge(Buffer memory, Reservation reservation);

    std::uint64_t limit() const { return limit_; }
    std::uint64_t used() const { return used_; }
    std::uint64_t dirty_limit() const { return dirty_limit_; }
    std::uint64_t dirty() const { return dirty_; }

    // Called when there is no room for a request of `kind`, until the handle is destroyed, which
    // must happen before the budget is. A cache gives back `bytes`, if it can, before it returns;
    // the owner of dirty data starts to write it back. `bytes` is 0 while the limit of dirty bytes
    // is reached: then no cache can help.
    using Reclaim = std::function<void(Kind kind, std::uint64_t bytes)>;
    class Reclaimer;
    [[nodiscard]] std::unique_ptr<Reclaimer> add_reclaimer(Reclaim reclaim);

private:
    friend class Account;
    friend class Reservation;
    enum class Lane { small, large };
    static constexpr std::array kinds{Kind::clean, Kind::dirty};

    static Kind other(Kind kind) { return kind == Kind::clean ? Kind::dirty : Kind::clean; }
    task::WaitList& waiting(Kind kind, Lane lane) { return waiting_[int(kind)][int(lane)]; }
    std::uint64_t limit(Kind kind) const;
    Lane lane_of(std::uint64_t bytes, Kind kind) const;
    std::uint64_t missing_of_whole(std::uint64_t bytes, Lane lane) const;
    std::uint64_t missing_of_dirty(std::uint64_t bytes, Kind kind, Lane lane) const;
    std::uint64_t missing(std::uint64_t bytes, Kind kind, Lane lane) const;
    bool make_room(std::uint64_t bytes, Kind kind, Lane lane);
    bool waits_for_whole(Kind kind, Lane lane);
    bool holds_back(Kind large, Kind kind);
    bool may_overtake(std::uint64_t bytes, Kind kind);
    bool admit(std::uint64_t bytes, Kind kind);
    bool serve(Lane lane);
    bool serve(Kind kind, Lane lane);
    void hand_out();
    void count(std::uint64_t bytes, Kind kind, Lane lane);
    void give_back(std::uint64_t bytes, Reservation::Use use);

    std::uint64_t limit_;
    std::uint64_t dirty_limit_;
    std::uint64_t used_ = 0;
    std::uint64_t dirty_ = 0;
    std::uint64_t set_aside_ = 0;
    std::array<std::array<task::WaitList, 2>, 2> waiting_;  // by kind and lane
    std::array<Kind, 2> first_{};               // by lane: the kind that is served first
    std::array<std::uint64_t, 2> overtaken_{};  // by kind: bytes that overtook a large one
    std::list<Reclaim> reclaims_;
    bool reclaiming_ = false;
    int refused_ = 0;
};

// The bytes that one operation has taken, and the only way to wait for budget. The budget must
// outlive it.
class Account {
public:
    explicit Account(Budget& budget, Budget::Kind kind = Budget::Kind::clean)
        : budget_(budget), kind_(kind) {}
    Account(const Account&) = delete;
    Account& operator=(const Account&) = delete;

    // Waits until `bytes` are available and puts them into the account. The account must be empty,
    // and its operation must not hold any other budget that others may be waiting for, memory of a
    // cache included. ECANCELED; ENOMEM if it is more than Budget::most(); for dirty bytes also the
    // code given to refuse_dirty().
    Task<void> take(std::uint64_t bytes);
    std::uint64_t bytes() const { return held_.bytes(); }
    // Removes all bytes from the account, for an owner that gives them back regardless of what the
    // operation does next: a cache, dirty data, a running fetch.
    Reservation hand_over() { return std::move(held_); }

private:
    Budget& budget_;
    Budget::Kind kind_;
    bool waiting_ = false;
    Reservation held_;
};

class Budget::Reclaimer {
public:
    ~Reclaimer() { budget_->reclaims_.erase(at_); }
    Reclaimer(const Reclaimer&) = delete;
    Reclaimer& operator=(const Reclaimer&) = delete;

    // Reports that the cache can give back more than before; serves waiting requests.
    void gained() { budget_->hand_out(); }

private:
    friend class Budget;
    Reclaimer(Budget* budget, std::list<Reclaim>::iterator at) : budget_(budget), at_(at) {}
    Budget* budget_;
    std::list<Reclaim>::iterator at_;
};

}  // namespace flexfs::cache
