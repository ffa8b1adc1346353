// One memory budget per process: whatever caches, waits or is under way draws its bytes here, and
// nothing grows past it. Caches fill what is left and give it back when somebody needs it.
// Everything runs on the loop's thread, the end of the last copy of a charged buffer included.
#pragma once

#include <cstdint>
#include <deque>
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
    // Both together; of the same budget and kind, or one of them empty.
    void merge(Reservation other);
    // From now on these bytes are no longer dirty.
    void make_clean();

private:
    friend class Budget;
    Reservation(Budget* budget, std::uint64_t bytes, bool dirty)
        : budget_(budget), bytes_(bytes), dirty_(dirty) {}

    Budget* budget_ = nullptr;
    std::uint64_t bytes_ = 0;
    bool dirty_ = false;
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

    // At once, after caches made room, or not at all. Does not overtake those who wait.
    std::optional<Reservation> try_take(std::uint64_t bytes, Kind kind = Kind::clean);
    // Waits for its turn, in order of arrival for each kind. What is above a limit counts as the
    // limit. ECANCELED.
    Task<Reservation> take(std::uint64_t bytes, Kind kind = Kind::clean);
    // At once, above the limit if need be: for the bounded work that gives memory back, such as
    // writing dirty data out.
    Reservation claim(std::uint64_t bytes);
    // Who would wait for dirty bytes, or does already, gets the error `code` instead: what is dirty
    // cannot be written out. 0: they wait again.
    void refuse_dirty(int code);
    // `memory`, whose last copy gives `reservation` back.
    static Buffer charge(Buffer memory, Reservation reservation);

    std::uint64_t limit() const { return limit_; }
    std::uint64_t used() const { return used_; }
    std::uint64_t dirty_limit() const { return dirty_limit_; }
    std::uint64_t dirty() const { return dirty_; }

    // Called when `bytes` of `kind` are missing. A cache gives back what it can, there and then;
    // who holds dirty data starts to write it out. Until the handle is destroyed, which must be
    // before the budget is.
    using Reclaim = std::function<void(Kind kind, std::uint64_t bytes)>;
    class Reclaimer;
    [[nodiscard]] std::unique_ptr<Reclaimer> add_reclaimer(Reclaim reclaim);

private:
    friend class Reservation;
    struct Turn {
        std::uint64_t bytes;
        task::WaitList waiting;
    };

    std::deque<Turn*>& turns(Kind kind) {
        return kind == Kind::dirty ? dirty_turns_ : clean_turns_;
    }
    std::uint64_t missing(std::uint64_t bytes, Kind kind) const;
    bool make_room(std::uint64_t bytes, Kind kind);
    std::uint64_t clamp(std::uint64_t bytes, Kind kind) const;
    Reservation grant(std::uint64_t bytes, Kind kind);
    void give_back(std::uint64_t bytes, bool dirty);
    void hand_out();

    std::uint64_t limit_;
    std::uint64_t dirty_limit_;
    std::uint64_t used_ = 0;
    std::uint64_t dirty_ = 0;
    std::deque<Turn*> clean_turns_;
    std::deque<Turn*> dirty_turns_;
    std::list<Reclaim> reclaims_;
    bool reclaiming_ = false;
    int refused_ = 0;
};

class Budget::Reclaimer {
public:
    ~Reclaimer() { of_->erase(at_); }
    Reclaimer(const Reclaimer&) = delete;
    Reclaimer& operator=(const Reclaimer&) = delete;

private:
    friend class Budget;
    Reclaimer(std::list<Reclaim>* of, std::list<Reclaim>::iterator at) : of_(of), at_(at) {}
    std::list<Reclaim>* of_;
    std::list<Reclaim>::iterator at_;
};

}  // namespace flexfs::cache
