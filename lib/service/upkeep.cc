#include "lib/service/upkeep.h"

#include "lib/base/log.h"
#include "lib/block/segment.h"
#include "lib/loop/pool.h"

namespace flexfs::service {
namespace {

// As many keys as object stores delete with one request.
constexpr std::size_t garbage_batch = 1000;
// After an error (a full disk, a store that is away).
constexpr Duration retry_pause = std::chrono::seconds(1);

void complain(std::string_view doing, const Error& error) {
    if (error.code != ECANCELED) log::warn("{}: {}", doing, error.message());
}

}  // namespace

void Upkeep::start() {
    scope_.start(keep_freeing());
    scope_.start(keep_deleting());
    scope_.start(keep_copying());
    scope_.start(keep_settling());
    if (options_.repack_below > 0) scope_.start(keep_repacking());
}

Task<void> Upkeep::close() {
    return scope_.close();
}

void Upkeep::notice() {
    if (volume_.needs_upkeep()) to_free_.wake_all();
    if (needs_copying()) to_copy_.wake_all();
    if (syncer_.changes() != settled_) to_settle_.wake_all();
}

// A log that is copied as a whole starts anew with the next change, not before.
bool Upkeep::needs_copying() const {
    const std::uint64_t bytes = volume_.log_bytes();
    return bytes > options_.log_checkpoint_bytes && bytes != copied_bytes_;
}

bool Upkeep::must_wait() {
    if (volume_.log_bytes() <= options_.log_bytes_max) return false;
    if (copying_) return true;
    // The log grew faster than it was copied, or somebody's read kept it from starting anew.
    if (const auto log = volume_.truncate_log(); !log)
        complain("emptying the metadata log", log.error());
    return false;
}

Task<void> Upkeep::run() {
    co_await free_in_steps();
    while (co_await repacker_.step());
    co_await delete_garbage();
    co_await checkpoint();
}

Task<void> Upkeep::free_in_steps() {
    while (volume_.needs_upkeep()) {
        const auto more = volume_.maintain(options_.clock(), options_.upkeep_rows);
        syncer_.changed();
        if (!co_await more) break;
        co_await loop_.sleep(options_.upkeep_pause);
    }
}

// The objects go only when the change that made them garbage is on disk: a power cut must not bring
// back rows that lead to them. That they are gone is noted afterwards; who dies in between deletes
// them again, which does no harm.
Task<void> Upkeep::delete_garbage() {
    for (;;) {
        const std::vector<meta::SegmentId> due =
            co_await volume_.condemn_garbage(options_.clock(), garbage_batch);
        if (due.empty()) co_return;
        syncer_.changed();
        co_await syncer_.sync();
        std::vector<std::string> keys;
        keys.reserve(due.size());
        for (const meta::SegmentId id : due)
            keys.push_back(block::segment_key(volume_.info().id, id));
        co_await store_.remove(std::move(keys));
        const auto forgotten = volume_.forget_garbage(due);
        syncer_.changed();
        co_await forgotten;
        deleted_ += due.size();
    }
}

Task<void> Upkeep::checkpoint() {
    if (copying_) co_return;
    copying_ = true;
    meta::Volume& volume = volume_;
    const auto copied = co_await result(offload(loop_, [&volume] { return volume.checkpoint(); }));
    copying_ = false;
    ++checkpoints_;
    const meta::LogState log = co_await copied;
    copied_bytes_ = log.uncopied == 0 ? volume_.log_bytes() : 0;
    if (volume_.log_bytes() > options_.log_truncate_bytes) co_await volume_.truncate_log();
}

Task<void> Upkeep::keep_freeing() {
    for (;;) {
        while (!volume_.needs_upkeep()) co_await to_free_.wait();
        const auto done = co_await result(free_in_steps());
        if (done) continue;
        complain("freeing deleted files", done.error());
        co_await loop_.sleep(retry_pause);
    }
}

Task<void> Upkeep::keep_deleting() {
    for (;;) {
        const auto done = co_await result(delete_garbage());
        if (!done) complain("deleting dead segments", done.error());
        co_await loop_.sleep(options_.garbage_pause);
    }
}

Task<void> Upkeep::keep_copying() {
    for (;;) {
        while (!needs_copying()) co_await to_copy_.wait();
        const auto done = co_await result(checkpoint());
        if (!done) complain("copying the metadata log", done.error());
        // Also when it worked: a reader may keep the log from starting anew for a while.
        co_await loop_.sleep(retry_pause);
    }
}

Task<void> Upkeep::keep_settling() {
    settled_ = syncer_.changes();
    for (;;) {
        while (syncer_.changes() == settled_) co_await to_settle_.wait();
        const std::uint64_t seen = syncer_.changes();
        co_await loop_.sleep(options_.log_settle);
        if (syncer_.changes() != seen) continue;
        settled_ = seen;
        auto done = volume_.commit();
        if (done) done = co_await result(checkpoint());
        if (!done) complain("copying the metadata log", done.error());
    }
}

Task<void> Upkeep::keep_repacking() {
    for (;;) {
        co_await loop_.sleep(options_.repack_interval);
        for (bool more = true; more;) {
            const auto done = co_await result(repacker_.step());
            if (!done) complain("repacking segments", done.error());
            more = done && *done;
            co_await loop_.sleep(options_.repack_pause);
        }
    }
}

}  // namespace flexfs::service
