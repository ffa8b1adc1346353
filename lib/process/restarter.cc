#include "lib/process/restarter.h"

#include "lib/base/log.h"
#include "lib/loop/pool.h"
#include "lib/process/handover.h"
#include "lib/process/image.h"
#include "lib/task/scope.h"

namespace flexfs::process {
namespace {

// The time limit for storing while requests are served; the rest is stored while they wait.
constexpr Duration store_patience = std::chrono::seconds(10);
// The time limit for requests in progress, and again for storing what is left then. Callers wait
// for both.
constexpr Duration pause_patience = std::chrono::seconds(20);
// The wait for a signal that this process has received but not handled yet.
constexpr Duration signal_patience = std::chrono::milliseconds(1);

Task<void> expire(Loop& loop, Duration patience, task::StopSource& stop) {
    co_await loop.sleep(patience);
    stop.request();
}

// Runs the task. ETIMEDOUT: it did not end in time.
Task<void> within(Loop& loop, Duration patience, Task<void> task) {
    task::StopSource stop;
    Scope clock, work;
    work.start(std::move(task), &stop);
    clock.start(expire(loop, patience, stop));
    auto outcome = co_await result(work.join());
    co_await clock.close();
    if (!outcome) stop.request();
    co_await work.close();
    if (outcome && stop.requested()) outcome = fail(ETIMEDOUT);
    co_await std::move(outcome);
}

}  // namespace

std::vector<std::string> takeover_command(std::vector<std::string> command, const char* flag,
                                          int memory) {
    command.push_back(fmt::format("{}={}", flag, memory));
    return command;
}

Task<std::string> Restarter::restart() {
    if (running_) co_return std::string("another restart is under way");
    running_ = true;
    const auto outcome = co_await result(attempt());
    running_ = false;
    process_.go_on();
    if (outcome.error().code == ECANCELED) co_return fail(ECANCELED);
    log::warn("not restarted: {}", outcome.error().message());
    co_return outcome.error().message();
}

// Always ends with an error, because success replaces the process.
Task<void> Restarter::attempt() {
    log::info("restarting as {}", program_);
    co_await check_next(process_.hand_over(-1));
    const auto stored = co_await result(store(store_patience));
    // Programs may write faster than the store accepts the data.
    if (!stored && stored.error().code != ETIMEDOUT) co_await fail(stored.error());
    co_await stand_still();
    hold_signals(true);
    const auto failed = co_await result(go_over());
    hold_signals(false);
    co_await failed;
}

// Signals that came until now are handled by this image, all later ones by the next.
Task<void> Restarter::go_over() {
    co_await loop_.sleep(signal_patience);
    if (process_.stopping()) co_await explain(EBUSY, "the process is stopping");
    co_await replace();
}

// Asks the next image while this one still serves.
Task<void> Restarter::check_next(Handover handover) {
    co_await offload(loop_, [this, handover]() -> Result<void*> {
        TRY(process_.check_program(program_));
        TRY(const Descriptor memory, save_handover(handover.state));
        TRY(const std::string said,
            ask_program(program_,
                        takeover_command(handover.command, check_takeover_flag, memory.get()),
                        memory.get()));
        if (said == takeover_consent) return nullptr;
        return explain(EPROTO, fmt::format("{} is not a flexfs that can take over", program_));
    });
}

Task<void> Restarter::store(Duration patience) {
    const auto stored = co_await result(within(loop_, patience, process_.store()));
    if (stored) co_return;
    const Error& error = stored.error();
    if (error.code == ECANCELED) co_await fail(ECANCELED);
    co_await explain(error.code, fmt::format("{} cannot be written back now ({})",
                                             process_.unstored(), error.message()));
}

Task<void> Restarter::stand_still() {
    auto still = co_await result(within(loop_, pause_patience, process_.pause()));
    if (!still && still.error().code == ETIMEDOUT)
        co_await explain(ETIMEDOUT, "requests under way did not end in time");
    co_await std::move(still);
    co_await store(pause_patience);
}

Result<void> Restarter::replace() {
    TRY(const Descriptor own_program, open_own_program());
    Handover handover = process_.hand_over(own_program.get());
    TRY(const Descriptor memory, save_handover(handover.state));
    handover.kept.push_back(memory.get());
    return fail(become(program_,
                       takeover_command(std::move(handover.command), takeover_flag, memory.get()),
                       handover.kept));
}

}  // namespace flexfs::process
