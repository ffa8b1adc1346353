// One memory budget per process: caches, dirty data and operations under way draw their bytes here,
// and nothing grows past it. Caches fill what is left and give it back when somebody needs it.
// Everything runs on the loop's thread, the end of the last copy of a charged buffer included.
//
// The rules that keep anybody from waiting for ever:
// - Whoever holds budget never waits for more of it. Waiting is possible only through an Account,
//   which must be empty. An operation that needs memory for several things computes what is
//   missing, takes all of it at once, computes again (the world has changed) and only then begins.
//   A reader of several chunks does the same: it finds out which are not in memory, holding none of
//   them, takes what fetching them needs, looks again, hands the memory over to the fetches, and
//   keeps the chunks that are found or fetched from then on; if one is missing after all, it lets
//   go of all and begins anew.
// - Small takings (1/32 of the limit at most) and large ones queue separately, in order of arrival.
//   Large ones may use only 7/8 of the limit, so that small ones soon find room. Small ones may
//   overtake a large one that waits, but with no more than 1/8 of the limit together.
// - A taking that can never fit fails with ENOMEM.
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

// Bytes taken from a budget, which it must not outlive. Gives them back when destroyed.
class [[nodiscard]] Reservation {
public:
    Reservation() = default;
    Reservation(Reservation&& other) noexcept;
    Reservation& operator=(Reservation&& other) noexcept;
    ~Reservation() { shrink(0); }

    std::uint64_t bytes() const { return bytes_; }
    // Gives back all but `bytes`, which must not be more than it holds.
    void shrink(std::uint64_t bytes);
    // Takes `bytes` of these out, as a reservation of its own.
    Reservation split(std::uint64_t bytes);
    // Joins the two; of the same budget and kind, or one of them empty.
    void merge(Reservation other);
    // From now on these bytes are no longer dirty.
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
    // Dirty bytes are what only this process knows; they count in the whole too, and have a limit
    // of their own in it.
    enum class Kind { clean, dirty };

    Budget(std::uint64_t limit, std::uint64_t dirty_limit);
    ~Budget();
    Budget(const Budget&) = delete;
    Budget& operator=(const Budget&) = delete;

    // Takes at once, after caches made room, or not at all. Overtakes nobody who waits.
    std::optional<Reservation> try_take(std::uint64_t bytes, Kind kind = Kind::clean);
    // Takes at once, above the limit if need be: for the bounded work that gives memory back, such
    // as writing dirty data out.
    Reservation claim(std::uint64_t bytes);
    // Takes what is never given back while the budget is used, such as tables of a fixed size:
    // limits of takings are then computed from the rest. Call it before anybody takes.
    Reservation set_aside(std::uint64_t bytes);
    // The most that one taking may ask for.
    std::uint64_t most(Kind kind = Kind::clean) const;
    // Whoever would wait for dirty bytes, or does already, gets the error `code` instead: what is
    // dirty cannot be written back. 0: they wait again.
    void refuse_dirty(int code);
    // Returns `memory`; its last copy gives `reservation` back.
    static Buffer charge(Buffer memory, Reservation reservation);

    std::uint64_t limit() const { return limit_; }
    std::uint64_t used() const { return used_; }
    std::uint64_t dirty_limit() const { return dirty_limit_; }
    std::uint64_t dirty() const { return dirty_; }

    // Called when `bytes` of `kind` are missing. A cache gives back what it can before it returns;
    // the owner of dirty data starts to write it back. Called until the handle is destroyed, which
    // must be before the budget is.
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
    std::array<std::uint64_t, 2> overtaken_{};  // by kind: bytes that overtook its large one
    std::list<Reclaim> reclaims_;
    bool reclaiming_ = false;
    int refused_ = 0;
};

// What one operation has taken, and the only way to wait for budget. The budget must outlive it.
class Account {
public:
    explicit Account(Budget& budget, Budget::Kind kind = Budget::Kind::clean)
        : budget_(budget), kind_(kind) {}
    Account(const Account&) = delete;
    Account& operator=(const Account&) = delete;

    // Waits until `bytes` are there, which are then in the account. It must be empty, and its
    // operation must hold nothing of the budget elsewhere, memory of a cache included, that others
    // may be waiting for. ECANCELED; ENOMEM: more than Budget::most(); for dirty bytes also what
    // refuse_dirty() says.
    Task<void> take(std::uint64_t bytes);
    std::uint64_t bytes() const { return held_.bytes(); }
    // Takes all out of the account, for an owner that gives it back whatever the operation does
    // next: a cache, dirty data, a fetch under way.
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

    // There is more now that could be given back: serves those who wait.
    void gained() { budget_->hand_out(); }

private:
    friend class Budget;
    Reclaimer(Budget* budget, std::list<Reclaim>::iterator at) : budget_(budget), at_(at) {}
    Budget* budget_;
    std::list<Reclaim>::iterator at_;
};

}  // namespace flexfs::cache
