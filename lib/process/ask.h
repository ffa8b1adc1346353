// Asks a running process over the control socket that its presence names.
#pragma once

#include <functional>

#include "lib/process/presence.h"
#include "lib/process/service_lock.h"
#include "lib/rpc/caller.h"
#include "lib/task/scope.h"
#include "lib/wire/control.h"

namespace flexfs::process {

// The time limit for answers that a process can give at once.
inline constexpr Duration answer_patience = std::chrono::seconds(5);

// Makes a task that runs while the answer is awaited, and may ask more; it is cancelled when the
// answer is there.
using Meanwhile = std::function<Task<void>(Loop& loop, rpc::Caller<wire::Control>& caller)>;

namespace detail {

// The interval of checks whether the process still runs.
inline constexpr Duration look_pause = std::chrono::milliseconds(100);

struct Silent final : rpc::Client<wire::Control> {
    Task<void> connected(rpc::Caller<wire::Control>&) override { co_return; }
};

// Requests the stop when `patience` has passed, or earlier if the process has ended.
inline Task<void> give_up(Loop& loop, std::string lock, Duration patience, task::StopSource& stop) {
    for (Duration waited{}; waited < patience && ServiceLock::holder(lock); waited += look_pause)
        co_await loop.sleep(look_pause);
    stop.request();
}

template <class R>
Task<void> put_question(rpc::Caller<wire::Control>& with, R request,
                        Result<typename R::Reply>& answer) {
    co_await with.start();
    answer = co_await with.call(std::move(request));
}

template <class R>
Task<typename R::Reply> converse(Loop& loop, Presence presence, R request, Duration patience,
                                 Meanwhile meanwhile) {
    Silent silent;
    rpc::Caller<wire::Control> caller(loop, "unix:" + presence.socket, silent);
    Scope clock, asking, others;
    task::StopSource stop;
    Result<typename R::Reply> answer = explain(ETIMEDOUT, "it does not answer");
    asking.start(put_question(caller, std::move(request), answer), &stop);
    clock.start(give_up(loop, presence.lock, patience, stop));
    if (meanwhile) others.start(meanwhile(loop, caller));
    auto asked = co_await result(asking.join());
    co_await clock.close();
    co_await others.close();
    co_await caller.close();
    co_await std::move(asked);
    co_return std::move(answer);
}

}  // namespace detail

// Sends `request` and waits for the reply; blocks. ETIMEDOUT: there was no answer within
// `patience`, or the process has ended; any other error is the answer.
template <class R>
Result<typename R::Reply> ask(const Presence& presence, R request, Duration patience,
                              Meanwhile meanwhile = {}) {
    Loop loop;
    return loop.run(
        detail::converse(loop, presence, std::move(request), patience, std::move(meanwhile)));
}

}  // namespace flexfs::process
