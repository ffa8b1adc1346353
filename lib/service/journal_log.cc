#include "lib/service/journal_log.h"

#include <utility>

#include "lib/base/log.h"
#include "lib/loop/pool.h"

namespace flexfs::service {

void JournalLog::append(std::span<const meta::Call> calls, Applied applied) {
    std::vector<meta::Outcome> outcomes = volume_.apply(calls);
    ++changes_;
    applied(std::move(outcomes));
}

Task<void> JournalLog::sync() {
    const std::uint64_t mine = changes_;
    while (synced_ < mine) {
        if (failure_.code != 0) co_await fail(failure_);
        if (!std::exchange(running_, true)) scope_.start(run());
        co_await waiting_.wait();
    }
}

Task<void> JournalLog::run() {
    const std::uint64_t covered = changes_;
    ++syncs_;
    meta::Volume& volume = volume_;
    const auto done = co_await result(offload(loop_, [&volume] { return volume.sync(); }));
    running_ = false;
    if (done) {
        synced_ = covered;
    } else {
        log::error("the metadata cannot be synced: {}", done.error().message());
        failure_ = done.error();
    }
    waiting_.wake_all();
}

}  // namespace flexfs::service
