#include "lib/loop/loop.h"

#include <uv.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "lib/base/check.h"
#include "lib/task/run_queue.h"

namespace flexfs::loop {
namespace {

using task::RunQueue;

// While descriptors keep having work, libuv's events (the pool, sockets, timers) are served once in
// this many turns.
constexpr unsigned busy_turns = 8;
// The number of times that turn hooks may make tasks ready before libuv's events are served.
constexpr unsigned ready_rounds_max = 16;

// libuv frees a handle's memory only in its close callback; each registration owns its handle until
// then.
template <class Handle>
void close_and_delete(Handle* handle) {
    uv_close(reinterpret_cast<uv_handle_t*>(handle),
             [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
}

class HookRegistration : public Loop::Registration {
public:
    HookRegistration(std::list<std::function<void()>>& hooks, std::function<void()> hook)
        : hooks_(hooks), at_(hooks.insert(hooks.end(), std::move(hook))) {}
    ~HookRegistration() override { hooks_.erase(at_); }

private:
    std::list<std::function<void()>>& hooks_;
    std::list<std::function<void()>>::iterator at_;
};

class SignalRegistration : public Loop::Registration {
public:
    SignalRegistration(uv_loop_t* uv, int signal, std::function<void()> handler)
        : handle_(new uv_signal_t), handler_(std::move(handler)) {
        check(uv_signal_init(uv, handle_) == 0);
        handle_->data = this;
        const auto deliver = [](uv_signal_t* handle, int) {
            static_cast<SignalRegistration*>(handle->data)->handler_();
        };
        check(uv_signal_start(handle_, deliver, signal) == 0);
    }
    ~SignalRegistration() override { close_and_delete(handle_); }

private:
    uv_signal_t* handle_;
    std::function<void()> handler_;
};

}  // namespace

// The libuv timer that all sleepers share; it fires for the earliest. The async handle is never
// signalled; it makes libuv wait, instead of returning at once, when no other handle is open.
struct Loop::Alarm {
    uv_timer_t timer;
    uv_async_t anchor;
};

struct Loop::Watch : Registration {
    Watch(Loop& of, Pollable& pollable) : loop(of), what(pollable), handle(new uv_poll_t) {
        check(uv_poll_init(loop.uv(), handle, what.descriptor()) == 0);
        handle->data = this;
        loop.watched_.push_back(this);
    }
    ~Watch() override {
        loop.watched_.remove(this);
        close_and_delete(handle);
    }
    // Called before the loop may sleep. It must wake for work that can be taken, and only for that.
    void arm() {
        const bool wanted = what.wanted();
        if (wanted == armed) return;
        armed = wanted;
        const auto readable = [](uv_poll_t*, int, int) {};  // waking the loop is enough
        if (wanted) check(uv_poll_start(handle, UV_READABLE, readable) == 0);
        else uv_poll_stop(handle);
    }

    Loop& loop;
    Pollable& what;
    uv_poll_t* handle;
    bool armed = false;
};

void Loop::Closer::operator()(uv_loop_t* uv) const {
    uv_run(uv, UV_RUN_DEFAULT);  // lets the close callbacks run
    check(uv_loop_close(uv) == 0);
    delete uv;
}

Loop::Loop() : uv_(new uv_loop_t), alarm_(std::make_unique<Alarm>()) {
    // libuv reads the variable when the pool first starts. Disk accesses and compression share the
    // pool, so it has a few more threads than there are processors.
    setenv("UV_THREADPOOL_SIZE", "8", 0);
    check(uv_loop_init(uv_.get()) == 0);
    check(uv_timer_init(uv_.get(), &alarm_->timer) == 0);
    check(uv_async_init(uv_.get(), &alarm_->anchor, nullptr) == 0);
    alarm_->timer.data = this;
    processors_ = int(std::thread::hardware_concurrency());
    now_ = monotonic_now();
}

Loop::~Loop() {
    check(sleepers_.empty() && watched_.empty() && turn_hooks_.empty());
    uv_close(reinterpret_cast<uv_handle_t*>(&alarm_->timer), nullptr);
    uv_close(reinterpret_cast<uv_handle_t*>(&alarm_->anchor), nullptr);
    uv_.reset();
}

std::unique_ptr<Loop::Registration> Loop::at_turn_end(std::function<void()> hook) {
    return std::make_unique<HookRegistration>(turn_hooks_, std::move(hook));
}

std::unique_ptr<Loop::Registration> Loop::watch(Pollable& pollable) {
    return std::make_unique<Watch>(*this, pollable);
}

std::unique_ptr<Loop::Registration> Loop::on_signal(int signal, std::function<void()> handler) {
    return std::make_unique<SignalRegistration>(uv(), signal, std::move(handler));
}

Task<void> Loop::sleep(Duration span) {
    if (span <= Duration::zero()) co_return;
    task::WaitList waiting;
    const auto at = sleepers_.emplace(monotonic_now() + span, &waiting);
    set_alarm();
    auto woken = co_await result(waiting.wait());
    if (!woken) sleepers_.erase(at);  // ring() has erased those whose time has come
    co_await std::move(woken);
}

void Loop::set_alarm() {
    if (sleepers_.empty()) return void(uv_timer_stop(&alarm_->timer));
    const auto left = sleepers_.begin()->first - monotonic_now();
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(std::max(left, Duration::zero()));
    uv_update_time(uv());
    uv_timer_start(
        &alarm_->timer, [](uv_timer_t* timer) { static_cast<Loop*>(timer->data)->ring(); },
        std::uint64_t(ms.count()), 0);
}

void Loop::ring() {
    // libuv fires due timers before it waits for descriptors, and would then wait although a task
    // is ready.
    uv_stop(uv());
    const Duration now = monotonic_now();
    while (!sleepers_.empty() && sleepers_.begin()->first <= now) {
        task::WaitList* due = sleepers_.begin()->second;
        sleepers_.erase(sleepers_.begin());
        due->wake_one();
    }
    set_alarm();
}

void Loop::turn_until(const std::function<bool()>& done) {
    for (unsigned turn = 0;; ++turn) {
        run_ready();
        if (done()) return;
        now_ = monotonic_now();
        const bool found = poll_all();
        if (!RunQueue::current().empty()) uv_run(uv(), UV_RUN_NOWAIT);
        else if (!found) wait();
        else if (turn % busy_turns == 0) uv_run(uv(), UV_RUN_NOWAIT);
    }
}

// A task whose every wait ends at the end of the turn, such as one that calls a service in this
// process in a loop, is always ready. It must not keep descriptors, timers and the pool waiting, so
// the number of rounds is limited.
void Loop::run_ready() {
    RunQueue& ready = RunQueue::current();
    for (unsigned round = 0; round < ready_rounds_max; ++round) {
        ready.drain();
        for (auto& hook : turn_hooks_) hook();
        if (ready.empty()) return;
    }
}

bool Loop::poll_all() {
    bool any = false;
    for (Watch* watch : watched_) any |= watch->what.poll();
    return any;
}

// Returns true if work was found within `span`.
bool Loop::poll_for(Duration span) {
    if (spin_.wants_count(now_)) spin_.counted(now_, running_threads(), processors_);
    if (span <= Duration::zero()) return false;
    Duration now = now_;
    for (int round = 1; now - now_ < span; ++round) {
        const bool polled = poll_all();
        if (!polled && round % 4 == 0) uv_run(uv(), UV_RUN_NOWAIT);
        if (polled || !RunQueue::current().empty()) {
            spin_.found();
            return true;
        }
        now = monotonic_now();
    }
    spin_.missed(now, now - now_);
    return false;
}

// Called when no task is ready. Polls for a moment if that pays, then sleeps until libuv has an
// event.
void Loop::wait() {
    if (!watched_.empty() && poll_for(spin_.span(now_))) return;
    for (Watch* watch : watched_) watch->arm();
    uv_run(uv(), UV_RUN_ONCE);
    now_ = monotonic_now();
}

}  // namespace flexfs::loop
