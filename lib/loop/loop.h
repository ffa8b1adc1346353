// The event loop of a process: one thread on which every coroutine lives, driven by libuv.
//
// In one turn, the loop resumes ready tasks until none is left. Then the turn hooks run (a metadata
// service commits here the changes that arrived in the turn). If they made no task ready, the loop
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

// A descriptor that the loop polls for work instead of waiting for a notification: the kernel's
// FUSE queue. An awake loop calls poll() once a turn; a sleeping loop waits for the descriptor to
// become readable.
class Pollable {
public:
    virtual ~Pollable() = default;
    virtual int descriptor() const = 0;
    // False while poll() could not take any work; the loop then does not wait for the descriptor.
    virtual bool wanted() { return true; }
    // Takes the work that is available, without waiting. Returns false if there was none.
    virtual bool poll() = 0;
};

class Loop {
public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Runs the loop until `task` has ended. Must not be called from inside the loop.
    template <class T>
    Result<T> run(Task<T> task) {
        task.start();
        turn_until([&task] { return task.done(); });
        return task.take();
    }

    // Calls `hook` at the end of each turn, on the loop, until the returned handle is destroyed.
    class Registration;
    [[nodiscard]] std::unique_ptr<Registration> at_turn_end(std::function<void()> hook);
    // Polls `pollable`, which must outlive the returned handle.
    [[nodiscard]] std::unique_ptr<Registration> watch(Pollable& pollable);
    // Calls `handler` on the loop for each delivery of `signal`.
    [[nodiscard]] std::unique_ptr<Registration> on_signal(int signal,
                                                          std::function<void()> handler);

    // ECANCELED if the task is stopped.
    Task<void> sleep(Duration span);

    // The monotonic clock as of this turn.
    Duration now() const { return now_; }

    // For the files of this folder only.
    uv_loop_s* uv() { return uv_.get(); }
    // Returns true on the first call only.
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

// Its destructor cancels the registration.
class Loop::Registration {
public:
    virtual ~Registration() = default;
};

}  // namespace flexfs::loop

namespace flexfs {
using loop::Loop;
}
