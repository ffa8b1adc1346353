#include "lib/service/journal_log.h"

#include <algorithm>
#include <utility>

#include "lib/base/log.h"
#include "lib/loop/pool.h"

namespace flexfs::service {

bool JournalLog::append(std::span<const meta::Call> calls, Applied applied) {
    std::optional<std::vector<meta::Outcome>> outcomes;
    if (room_ == Room::made) outcomes = volume_.apply(calls);
    else outcomes = volume_.try_apply(calls);
    room_ = outcomes ? Room::enough : Room::wanted;
    if (!outcomes) return false;
    ++changes_;
    if (share_at_risk() >= 25 && failure_.code == 0) start_sync();
    applied(std::move(*outcomes));
    return true;
}

// Returns how much of the skipped numbers a power cut could lose at present, in percent.
std::uint64_t JournalLog::share_at_risk() const {
    const auto now = volume_.assigned();
    return std::max((now.ino - synced_numbers_.ino) * 100 / skipped_numbers.inodes,
                    (now.seq - synced_numbers_.seq) * 100 / skipped_numbers.seqs);
}

// One turn assigns far less than half of the skipped numbers.
bool JournalLog::must_wait() const {
    return share_at_risk() >= 50 && failure_.code == 0;
}

void JournalLog::start_sync() {
    if (!std::exchange(running_, true)) scope_.start(run());
}

Task<void> JournalLog::sync() {
    const std::uint64_t mine = changes_;
    while (synced_ < mine) {
        if (failure_.code != 0) co_await fail(failure_);
        start_sync();
        co_await waiting_.wait();
    }
}

Task<void> JournalLog::run() {
    const std::uint64_t covered = changes_;
    const auto numbers = volume_.assigned();
    ++syncs_;
    meta::Volume& volume = volume_;
    const auto done = co_await result(offload(loop_, [&volume] { return volume.sync(); }));
    running_ = false;
    if (done) {
        synced_ = covered;
        synced_numbers_ = numbers;
    } else {
        log::error("the metadata cannot be synced: {}", done.error().message());
        failure_ = done.error();
    }
    waiting_.wake_all();
}

}  // namespace flexfs::service
