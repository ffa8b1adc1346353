#include "roles/mount/restarter.h"

#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/loop/pool.h"
#include "lib/task/scope.h"
#include "roles/mount/image.h"

namespace flexfs::mount {
namespace {

// For storing what is dirty while programs go on; what is left then has to be stored while they
// wait.
constexpr Duration store_patience = std::chrono::seconds(10);
// For requests under way, and again for what is dirty then. Programs wait as long.
constexpr Duration pause_patience = std::chrono::seconds(20);
// For a signal that this process has got, and not heard yet.
constexpr Duration signal_patience = std::chrono::milliseconds(1);

Task<void> expire(Loop& loop, Duration patience, task::StopSource& stop) {
    co_await loop.sleep(patience);
    stop.request();
}

// The task's end, or ETIMEDOUT.
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

// A program in the mount itself could not be read while nobody answers for the mount. In the pool.
Result<void> check_place(const std::string& program, const std::string& dir) {
    struct stat file, folder;
    if (::stat(program.c_str(), &file) != 0) return fail_errno("the program " + program);
    if (::stat(dir.c_str(), &folder) != 0) return fail_errno("mount point " + dir);
    if (file.st_dev == folder.st_dev)
        return explain(EDEADLK, fmt::format("the program {} is in the mount itself", program));
    return {};
}

}  // namespace

Task<std::string> Restarter::restart() {
    if (running_) co_return std::string("another restart is under way");
    running_ = true;
    const auto outcome = co_await result(attempt());
    running_ = false;
    subjects_.server.go_on();
    if (outcome.error().code == ECANCELED) co_return fail(ECANCELED);
    log::warn("not restarted: {}", outcome.error().message());
    co_return outcome.error().message();
}

// Ends with an error, always.
Task<void> Restarter::attempt() {
    log::info("restarting, as {}", origin_.program);
    co_await check_next(describe());
    const auto stored = co_await result(store(store_patience));
    // Programs may write faster than it can be stored.
    if (!stored && stored.error().code != ETIMEDOUT) co_await fail(stored.error());
    co_await stand_still();
    hold_signals(true);
    const auto failed = co_await result(go_over());
    hold_signals(false);
    co_await failed;
}

// What was told so far is heard by this image, all that comes later by the next.
Task<void> Restarter::go_over() {
    co_await subjects_.loop.sleep(signal_patience);
    if (subjects_.leaving) co_await explain(EBUSY, "the mount was told to stop");
    Takeover takeover = describe();
    takeover.files = subjects_.client.hand_over();
    co_await replace(std::move(takeover));
}

// But for what is open in the mount.
Takeover Restarter::describe() const {
    Takeover takeover;
    takeover.restarts = origin_.restarts + 1;
    takeover.program = origin_.program;
    takeover.command = command_line(subjects_.options);
    takeover.background = origin_.background;
    takeover.volume = subjects_.client.volume();
    takeover.kernel = subjects_.kernel;
    takeover.mount_lock = subjects_.mount_lock.descriptor();
    takeover.volume_lock = subjects_.embedded.lock().descriptor();
    takeover.negotiated = subjects_.server.negotiated();
    return takeover;
}

// Asks the next image while this one still serves.
Task<void> Restarter::check_next(Takeover takeover) {
    co_await offload(subjects_.loop, [takeover, dir = subjects_.options.dir]() -> Result<void*> {
        TRY(check_place(takeover.program, dir));
        TRY(const int memory, save_takeover(takeover));
        const auto said = ask_program(
            takeover.program, takeover_command(takeover, "--checkTakeover", memory), memory);
        ::close(memory);
        TRY(said);
        if (*said == takeover_consent) return nullptr;
        return explain(EPROTO,
                       fmt::format("{} is no flexfs that can take over a mount", takeover.program));
    });
}

Task<void> Restarter::store(Duration patience) {
    const auto stored =
        co_await result(within(subjects_.loop, patience, subjects_.client.flush_all()));
    if (stored) co_return;
    const Error& error = stored.error();
    if (error.code == ECANCELED) co_await fail(ECANCELED);
    co_await explain(error.code, fmt::format("{} cannot be stored now ({})",
                                             format_size(subjects_.client.state().dirty_bytes),
                                             error.message()));
}

Task<void> Restarter::stand_still() {
    auto still = co_await result(within(subjects_.loop, pause_patience, subjects_.server.pause()));
    if (!still && still.error().code == ETIMEDOUT)
        co_await explain(ETIMEDOUT, "requests that are under way do not come to their end");
    co_await std::move(still);
    co_await store(pause_patience);
}

Result<void> Restarter::replace(Takeover takeover) {
    TRY(takeover.own_program, open_own_program());
    auto memory = save_takeover(takeover);
    Error failed;
    if (memory) {
        std::vector<int> kept = takeover.descriptors();
        kept.push_back(*memory);
        failed = become(takeover.program, takeover_command(takeover, "--takeover", *memory), kept);
        ::close(*memory);
    } else {
        failed = memory.error();
    }
    ::close(takeover.own_program);
    return fail(std::move(failed));
}

}  // namespace flexfs::mount
