// What coroutines of one thread coordinate with. Every wait ends with ECANCELED when its task is
// stopped.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "lib/task/wait.h"

namespace flexfs::task {

// A flag to wait for.
class Event {
public:
    bool is_set() const { return set_; }
    void set() {
        set_ = true;
        waiting_.wake_all();
    }
    void reset() { set_ = false; }
    Task<void> wait() {
        while (!set_) co_await waiting_.wait();
    }

private:
    bool set_ = false;
    WaitList waiting_;
};

// `count` units, given out in order of arrival: a large request is not overtaken by small ones.
class Semaphore {
public:
    explicit Semaphore(std::size_t count) : free_(count) {}

    std::size_t free() const { return free_; }
    bool try_acquire(std::size_t units = 1) {
        if (free_ < units || !turns_.empty()) return false;
        free_ -= units;
        return true;
    }
    Task<void> acquire(std::size_t units = 1);
    void release(std::size_t units = 1) {
        free_ += units;
        hand_out();
    }

private:
    struct Turn {
        std::size_t units;
        WaitList waiting;
    };
    void hand_out();

    std::size_t free_;
    std::deque<Turn*> turns_;
};

// Held by one coroutine at a time; the guard gives it back. Must not be used where a plain check
// after the await will do.
class Mutex {
public:
    class [[nodiscard]] Guard {
    public:
        explicit Guard(Mutex& mutex) : mutex_(&mutex) {}
        Guard(Guard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
        Guard& operator=(Guard&&) = delete;
        ~Guard() {
            if (mutex_) mutex_->one_.release();
        }

    private:
        Mutex* mutex_;
    };

    Task<Guard> lock() {
        co_await one_.acquire();
        co_return Guard(*this);
    }
    bool held() const { return one_.free() == 0; }

private:
    Semaphore one_{1};
};

// A bounded queue between coroutines.
template <class T>
class Channel {
public:
    explicit Channel(std::size_t capacity) : capacity_(capacity) {}

    // Waits for room. EPIPE once closed.
    Task<void> push(T item) {
        while (items_.size() >= capacity_ && !closed_) co_await writers_.wait();
        if (closed_) co_await fail(EPIPE);
        items_.push_back(std::move(item));
        readers_.wake_one();
    }
    // The next item; nothing once closed and empty.
    Task<std::optional<T>> pop() {
        while (items_.empty() && !closed_) co_await readers_.wait();
        if (items_.empty()) co_return std::optional<T>{};
        std::optional<T> item(std::move(items_.front()));
        items_.pop_front();
        writers_.wake_one();
        co_return item;
    }
    void close() {
        closed_ = true;
        readers_.wake_all();
        writers_.wake_all();
    }

private:
    std::deque<T> items_;
    std::size_t capacity_;
    bool closed_ = false;
    WaitList readers_;
    WaitList writers_;
};

}  // namespace flexfs::task
