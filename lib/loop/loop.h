// The loop a process runs: one thread on which every coroutine lives, driven by libuv.
//
// A turn: what became ready is resumed until nothing is; then the turn hooks run (a metadata
// service commits here what arrived in the turn); when they made nothing ready either, the loop
// polls for a moment, then sleeps until an event.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <utility>

#include "lib/base/time.h"
#include "lib/loop/spin.h"
#include "lib/task/task.h"
#include "lib/task/wait.h"

struct uv_loop_s;

namespace flexfs::loop {

// A descriptor that the loop asks for work itself instead of waiting to be told: the kernel's FUSE
// queue. While the loop is awake it calls poll() once a turn; asleep, it waits for the descriptor
// to become readable.
class Pollable {
public:
    virtual ~Pollable() = default;
    virtual int descriptor() const = 0;
    // False while it could not take anything anyway; the loop does not wait for the descriptor
    // then.
    virtual bool wanted() { return true; }
    // Takes what is there without waiting; false when there was nothing.
    virtual bool poll() = 0;
};

class Loop {
public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Turns until `task` has ended. Not from inside the loop.
    template <class T>
    Result<T> run(Task<T> task) {
        task.start();
        turn_until([&task] { return task.done(); });
        return task.take();
    }

    // Called at the end of each turn, on the loop, until the returned handle is destroyed.
    class Registration;
    [[nodiscard]] std::unique_ptr<Registration> at_turn_end(std::function<void()> hook);
    // `pollable` must outlive the handle.
    [[nodiscard]] std::unique_ptr<Registration> watch(Pollable& pollable);
    // Calls `handler` on the loop for each delivery of `signal`.
    [[nodiscard]] std::unique_ptr<Registration> on_signal(int signal,
                                                          std::function<void()> handler);

    // ECANCELED when the task is stopped.
    Task<void> sleep(Duration span);

    // The monotonic clock as of this turn.
    Duration now() const { return now_; }

    // For the modules of this folder.
    uv_loop_s* uv() { return uv_.get(); }
    // True the first time.
    bool starts_pool() { return !std::exchange(pool_started_, true); }

private:
    struct Closer {
        void operator()(uv_loop_s* uv) const;
    };
    struct Alarm;
    struct Watch;

    void turn_until(const std::function<bool()>& done);
    void run_ready();
    bool poll_all();
    bool poll_for(Duration span);
    void wait();
    void ring();
    void set_alarm();

    std::unique_ptr<uv_loop_s, Closer> uv_;
    std::list<std::function<void()>> turn_hooks_;
    std::list<Watch*> watched_;
    std::multimap<Duration, task::WaitList*> sleepers_;
    std::unique_ptr<Alarm> alarm_;
    Spin spin_;
    int processors_ = 1;
    bool pool_started_ = false;
    Duration now_{};
};

// Undoes what it was returned for when destroyed.
class Loop::Registration {
public:
    virtual ~Registration() = default;
};

}  // namespace flexfs::loop

namespace flexfs {
using loop::Loop;
}
