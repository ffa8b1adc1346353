#include "lib/service/maintenance.h"

#include <cerrno>
#include <utility>

#include "lib/base/log.h"
#include "lib/loop/pool.h"

namespace flexfs::service {
namespace {

// The pause after an error, such as a full disk.
constexpr Duration retry_pause = std::chrono::seconds(1);

}  // namespace

void Maintenance::start() {
    scope_.start(keep_freeing());
    scope_.start(keep_copying());
    scope_.start(keep_settling());
}

Task<void> Maintenance::close() {
    return scope_.close();
}

void Maintenance::notice() {
    if (volume_.needs_upkeep()) to_free_.wake_all();
    if (needs_copying()) to_copy_.wake_all();
    if (log_.changes() != settled_) to_settle_.wake_all();
}

// A log that has been copied completely starts from its beginning with the next change, not before.
bool Maintenance::needs_copying() const {
    const std::uint64_t bytes = volume_.log_bytes();
    return bytes > options_.log_checkpoint_bytes && bytes != copied_bytes_;
}

// The log grew faster than it was copied, or a reader kept it from starting from its beginning. If
// it cannot be cut, changes proceed: a reader does not hold it for long, and a full disk is
// reported by the changes themselves.
bool Maintenance::must_wait() {
    if (cutting_) return true;
    if (log_.wants_room()) {
        if (scope_.cancelled()) log_.room_made();
        else if (!std::exchange(making_room_, true)) scope_.start(make_room());
        if (log_.wants_room()) return true;
    }
    if (volume_.log_bytes() <= options_.log_bytes_max) return false;
    if (copying_) return true;
    if (loop_.now() < cut_again_ || scope_.cancelled()) return false;
    scope_.start(cut_log());
    return cutting_;
}

Task<void> Maintenance::run() {
    co_await free_in_steps();
    co_await checkpoint();
}

Task<void> Maintenance::free_in_steps() {
    while (volume_.needs_upkeep()) {
        Batch::Ticket ticket;
        co_await batch_.add(ticket, {.request = meta::Maintain{options_.upkeep_rows}});
        co_await ticket.applied.wait_shielded();
        co_await std::move(ticket.outcome.reply);
        co_await loop_.sleep(options_.upkeep_pause);
    }
}

Task<void> Maintenance::checkpoint() {
    if (copying_ || cutting_) co_return;
    copying_ = true;
    meta::Volume& volume = volume_;
    const auto copied = co_await result(offload(loop_, [&volume] { return volume.checkpoint(); }));
    copying_ = false;
    copied_.wake_all();
    ++checkpoints_;
    const meta::LogState log = co_await copied;
    copied_bytes_ = log.uncopied == 0 ? volume_.log_bytes() : 0;
    if (volume_.log_bytes() > options_.log_truncate_bytes) co_await cut_log();
}

// Changes wait until this has ended; reads do not.
Task<void> Maintenance::cut_log() {
    if (copying_ || cutting_) co_return;
    cutting_ = true;
    auto done = volume_.prepare_cut();
    if (done) {
        meta::Volume& volume = volume_;
        const auto cut = co_await result(offload(loop_, [&volume] { return volume.cut_log(); }));
        volume_.finish_cut();
        if (!cut) done = fail(cut.error());
    }
    cutting_ = false;
    copied_.wake_all();
    if (done) co_return;
    cut_again_ = loop_.now() + retry_pause;
    // EBUSY: a reader holds the log for a while.
    if (done.error().code != EBUSY)
        log::background_failure("emptying the metadata log", done.error());
}

// Changes go on afterwards even if the log could not be copied: those that need space are then
// refused.
Task<void> Maintenance::make_room() {
    while (copying_ || cutting_) co_await copied_.wait_shielded();
    const auto copied = co_await result(checkpoint());
    making_room_ = false;
    if (!copied) log::background_failure("copying the metadata log on a full disk", copied.error());
    log_.room_made();
}

Task<void> Maintenance::keep_freeing() {
    for (;;) {
        while (!volume_.needs_upkeep()) co_await to_free_.wait();
        const auto done = co_await result(free_in_steps());
        if (done) continue;
        log::background_failure("freeing deleted files", done.error());
        co_await loop_.sleep(retry_pause);
    }
}

Task<void> Maintenance::keep_copying() {
    for (;;) {
        while (!needs_copying()) co_await to_copy_.wait();
        const auto done = co_await result(checkpoint());
        if (!done) log::background_failure("copying the metadata log", done.error());
        // The pause is needed after a success, too: a reader may keep the log from starting from
        // its beginning for a while.
        co_await loop_.sleep(retry_pause);
    }
}

Task<void> Maintenance::keep_settling() {
    settled_ = log_.changes();
    for (;;) {
        while (log_.changes() == settled_) co_await to_settle_.wait();
        const std::uint64_t seen = log_.changes();
        co_await loop_.sleep(options_.log_settle);
        if (log_.changes() != seen) continue;
        settled_ = seen;
        // On a full disk the log may have to be copied first.
        if (code_of(volume_.commit()) == ENOSPC) co_await result(checkpoint());
        auto done = volume_.commit();
        if (done) done = co_await result(checkpoint());
        if (!done) log::background_failure("copying the metadata log", done.error());
    }
}

}  // namespace flexfs::service
