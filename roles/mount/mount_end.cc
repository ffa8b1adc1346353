// The end of a mount: a request to stop, waiting for programs, and storing what they wrote.
#include <signal.h>

#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/loop/pool.h"
#include "roles/mount/mount_process.h"
#include "roles/mount/unstored.h"

namespace flexfs::mount {
namespace {

// The time that programs with open files have when the mount is to stop, and the interval of
// attempts to unmount meanwhile.
constexpr Duration leave_patience = std::chrono::seconds(10);
constexpr Duration leave_pause = std::chrono::milliseconds(200);
// The interval of attempts to write back at the end.
constexpr Duration store_pause = std::chrono::seconds(3);
// After a second SIGTERM: the limit for writing back what is left, and then for an orderly end.
constexpr Duration hurry_patience = std::chrono::seconds(3);
constexpr Duration end_patience = std::chrono::seconds(5);

constexpr std::size_t named_files_max = 10;

}  // namespace

void MountProcess::handle_signals() {
    for (const int signal : {SIGTERM, SIGINT, SIGQUIT})
        signals_.push_back(loop_.on_signal(signal, [this] { told_to_stop(); }));
    signals_.push_back(loop_.on_signal(SIGHUP, [this] {
        log::rotate();
        if (access_log_) access_log_->reopen();
    }));
}

// While the kernel uses the mount, the first request starts to unmount and the second cuts programs
// off. From the second on, or after an unmount, data that cannot be written back is discarded.
void MountProcess::told_to_stop() {
    if (!serving_) return hurry();
    if (leaving_) {
        hurry();
        return cut_off();
    }
    leaving_ = true;
    leaving_scope_.start(leave());
}

void MountProcess::stop(bool force) {
    if (!force) return told_to_stop();
    if (serving_) cut_off();
}

// Programs that have files open may use them for a moment, also by their paths: only a mount that
// stays in use is detached, which uncovers the folder underneath.
Task<void> MountProcess::leave() {
    log::info("stopping: unmounting {}", options_.dir);
    const Duration until = loop_.now() + leave_patience;
    while (loop_.now() < until) {
        auto gone = co_await result(offload(loop_, [dir = options_.dir]() -> Result<int> {
            TRY(fuse::unmount(dir, false));
            return 0;
        }));
        // EINVAL: it is already detached, and programs may go on with what they have open.
        if (gone || gone.error().code != EBUSY) break;
        co_await loop_.sleep(leave_pause);
    }
    co_await loop_.sleep(until - loop_.now());
    cut_off();
}

void MountProcess::cut_off() {
    leaving_ = true;
    log::warn("cutting off the programs that have files open in {}", options_.dir);
    mounted_->detach();
    server_->abort();
}

// Programs rely on what they wrote, so with a full disk or an unreachable store it is retried until
// the process is asked to stop a second time: then EIO, with the amount that was discarded.
Task<void> MountProcess::store_everything() {
    files_->end_handles();
    Scope storing, patience;
    std::string given_up;
    storing.start(keep_storing());
    patience.start(give_up(storing, given_up));
    co_await storing.join();
    co_await patience.close();
    if (!given_up.empty()) co_await explain(EIO, std::move(given_up));
}

Task<void> MountProcess::keep_storing() {
    for (;;) {
        auto stored = co_await result(files_->flush_all());
        if (stored || stored.error().code == ECANCELED) co_return;
        log::error(
            "cannot write back {} on {} yet ({}); retrying. Send SIGTERM again to discard it",
            unstored(), options_.dir, stored.error().message());
        co_await loop_.sleep(store_pause);
    }
}

Task<void> MountProcess::give_up(Scope& storing, std::string& given_up) {
    co_await hurried_.wait();
    co_await loop_.sleep(hurry_patience);
    const vfs::State state = files_->state();
    given_up = fmt::format("{} in {} on {} were discarded: {}", format_size(state.dirty_bytes),
                           count_of_files(state.dirty_files), options_.dir,
                           name_files(options_.dir, unstored(named_files_max), state.dirty_files));
    storing.cancel();
}

// The socket answers until the volume is closed, so that `status` can show what delays the end.
Task<void> MountProcess::close_volume(Result<void> stored) {
    using AtClose = vfs::Filesystem::AtClose;
    auto closed = co_await result(files_->close(stored ? AtClose::write_back : AtClose::give_up));
    if (!stored) closed = std::move(stored);
    if (control_server_) co_await control_server_->close();
    if (metrics_server_) co_await metrics_server_->close();
    files_.reset();
    // hurry() has complained in advance; an empty complaint means that nothing was lost.
    if (!closed || hurried_.is_set()) complain(closed ? "" : closed.error().message());
    co_await volume_->close();
    volume_.reset();
    co_await std::move(closed);
}

// From now on the process ends soon, even if something hangs.
void MountProcess::hurry() {
    if (hurried_.is_set()) return;
    log::warn("asked to stop again: discarding data that cannot be written back within seconds");
    end_soon("the process was asked to stop again before everything was written back");
}

void MountProcess::end_soon(const std::string& why) {
    hurried_.set();
    complain(why);
    process::end_after(hurry_patience + end_patience);
}

// Programs must not go on writing to a volume that belongs to another process by now.
Task<void> MountProcess::watch_volume() {
    const auto lost = co_await result(volume_->lost());
    if (code_of(lost) == ECANCELED) co_return;
    const std::string why = lost ? std::string() : lost.error().message();
    log::error("the mount on {} ends, without what was not stored yet: {}", options_.dir, why);
    end_soon(why);
    cut_off();
}

void MountProcess::complain(const std::string& sentence) {
    lock_.complain(sentence);
    if (volume_) volume_->complain(sentence);
}

}  // namespace flexfs::mount
