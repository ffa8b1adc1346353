#include "lib/upkeep/housekeeper.h"

#include "lib/base/log.h"
#include "lib/block/segment.h"

namespace flexfs::upkeep {
namespace {

// The number of keys that object stores delete with one request.
constexpr std::uint64_t garbage_batch = 1000;

}  // namespace

Housekeeper::Housekeeper(Loop& loop, service::Service& service, meta::Volume& volume,
                         object::Store& store, Options options)
    : loop_(loop),
      service_(service),
      volume_(volume),
      store_(store),
      options_(std::move(options)),
      repacker_(loop, service, volume, store, options_) {
    scope_.start(keep_deleting());
    if (options_.repack_below > 0) scope_.start(keep_repacking());
}

Task<void> Housekeeper::run() {
    while (co_await repacker_.step());
    co_await delete_garbage();
}

// Objects are deleted only after the change that condemned them is on disk: a power failure must
// not bring back rows that refer to them. Their deletion is recorded afterwards; if the process is
// killed in between, they are deleted again, which does no harm.
Task<void> Housekeeper::delete_garbage() {
    for (;;) {
        const Time dead_since = options_.clock() - options_.garbage_delay.count();
        std::vector<meta::Request> look{meta::CondemnGarbage{dead_since, garbage_batch}};
        const auto found = co_await service_.apply(0, std::move(look));
        const meta::Reply reply = co_await found.front();
        const std::vector<wire::SegmentId>& due = std::get<meta::Condemned>(reply).segments;
        if (due.empty()) co_return;
        co_await service_.sync();
        std::vector<std::string> keys;
        keys.reserve(due.size());
        for (const wire::SegmentId id : due)
            keys.push_back(block::segment_key(volume_.info().id, id));
        co_await store_.remove(std::move(keys));
        std::vector<meta::Request> forget{meta::ForgetGarbage{due}};
        const auto forgotten = co_await service_.apply(0, std::move(forget));
        co_await forgotten.front();
        deleted_ += due.size();
    }
}

Task<void> Housekeeper::keep_deleting() {
    for (;;) {
        const auto done = co_await result(delete_garbage());
        if (!done) log::background_failure("deleting dead segments", done.error());
        co_await loop_.sleep(options_.garbage_pause);
    }
}

Task<void> Housekeeper::keep_repacking() {
    for (;;) {
        co_await loop_.sleep(options_.repack_interval);
        for (bool more = true; more;) {
            const auto done = co_await result(repacker_.step());
            if (!done) log::background_failure("repacking segments", done.error());
            more = done && *done;
            co_await loop_.sleep(options_.repack_pause);
        }
    }
}

}  // namespace flexfs::upkeep
