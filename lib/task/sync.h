// Primitives with which coroutines of one thread coordinate. A wait ends with ECANCELED if its task
// is stopped before it is served; a task that was served first keeps what it got, whatever is
// stopped afterwards (lib/task/wait.h). A primitive must outlive the calls that wait for it.
#pragma once

#include <deque>
#include <optional>
#include <utility>

#include "lib/task/wait.h"

namespace flexfs::task {

// A flag that tasks can wait for.
class Event {
public:
    bool is_set() const { return set_; }
    // Wakes all present waits, even if the flag is reset before their tasks run.
    void set() {
        set_ = true;
        waiting_.wake_all();
    }
    void reset() { set_ = false; }
    Task<void> wait() {
        if (!set_) co_await waiting_.wait();
    }

private:
    bool set_ = false;
    WaitList waiting_;
};

// Gives out `count` units in order of arrival: small requests do not overtake a large one.
class Semaphore {
public:
    // Releases one unit at its end.
    class [[nodiscard]] Guard {
    public:
        explicit Guard(Semaphore& semaphore) : semaphore_(&semaphore) {}
        Guard(Guard&& other) noexcept : semaphore_(std::exchange(other.semaphore_, nullptr)) {}
        Guard& operator=(Guard&&) = delete;
        ~Guard() {
            if (semaphore_) semaphore_->release();
        }

    private:
        Semaphore* semaphore_;
    };

    explicit Semaphore(std::size_t count) : free_(count) {}

    std::size_t free() const { return free_; }
    // Takes the units at once or not at all. Does not overtake waiting tasks.
    bool try_acquire(std::size_t units = 1) {
        if (free_ < units || !waiting_.empty()) return false;
        free_ -= units;
        return true;
    }
    // After success the caller must release() the units; after ECANCELED it has none.
    Task<void> acquire(std::size_t units = 1);
    // Acquires one unit.
    Task<Guard> hold() {
        co_await acquire();
        co_return Guard(*this);
    }
    void release(std::size_t units = 1) {
        free_ += units;
        hand_out();
    }

private:
    void hand_out();

    std::size_t free_;
    WaitList waiting_;
};

// Held by one coroutine at a time, in order of arrival; the guard releases it. Not needed if a
// check after the await suffices.
class Mutex {
public:
    Task<Semaphore::Guard> lock() { return one_.hold(); }
    bool held() const { return one_.free() == 0; }

private:
    Semaphore one_{1};
};

// A bounded queue between coroutines. Items come out in the order in which their pushes ended, and
// both sides are served in order of arrival.
template <class T>
class Channel {
public:
    // `capacity` is at least 1.
    explicit Channel(std::size_t capacity) : capacity_(capacity) { check(capacity > 0); }

    // Waits for space. EPIPE once closed; after any error the item is not in the channel.
    Task<void> push(T item) {
        if (closed_) co_await fail(EPIPE);
        if (items_.size() + promised_places_ >= capacity_) {
            co_await writers_.wait();
            --promised_places_;
            if (closed_) co_await fail(EPIPE);
        }
        items_.push_back(std::move(item));
        if (readers_.wake_one()) ++promised_items_;
    }
    // Returns the next item; nothing once the channel is closed and empty.
    Task<std::optional<T>> pop() {
        if (items_.size() == promised_items_) {
            if (closed_) co_return std::optional<T>{};
            auto came = co_await result(readers_.wait());
            if (code_of(came) == EPIPE) co_return std::optional<T>{};
            co_await std::move(came);
            --promised_items_;
        }
        std::optional<T> item(std::move(items_.front()));
        items_.pop_front();
        if (writers_.wake_one()) ++promised_places_;
        co_return item;
    }
    // Items in the channel can still be popped; pushes fail.
    void close() {
        closed_ = true;
        readers_.wake_all(EPIPE);
        writers_.wake_all(EPIPE);
    }

private:
    std::deque<T> items_;
    std::size_t capacity_;
    // Reserved for tasks that were woken and have not run yet; no other task may take them.
    std::size_t promised_items_ = 0;
    std::size_t promised_places_ = 0;
    bool closed_ = false;
    WaitList readers_;
    WaitList writers_;
};

}  // namespace flexfs::task
