#include "lib/service/service.h"

#include "lib/base/log.h"
#include "lib/service/conversation.h"
#include "lib/service/parts.h"

namespace flexfs::service {

Service::Parts::Parts(Loop& on, meta::Volume& of, object::Store& store, Options wanted)
    : loop(on),
      volume(of),
      options(std::move(wanted)),
      syncer(loop, volume),
      grants(loop, volume, sessions,
             {options.shared_max, options.folders_max, options.exclusive_max}),
      batch(volume, syncer, [this](std::span<meta::Call> calls) { prepare(calls); }),
      upkeep(loop, volume, store, syncer, batch, grants, options) {}

void Service::Parts::prepare(std::span<meta::Call> calls) {
    const Time now = options.clock();
    for (meta::Call& call : calls) call.now = now;
    grants.name_holders(calls);
}

void Service::Parts::end_of_turn() {
    if (!upkeep.must_wait()) batch.apply();
    volume.end_reads();
    grants.trim();
    upkeep.notice();
}

// Sessions that cannot come back are over; the others have `grace` until they must be back.
void Service::Parts::adopt_sessions() {
    for (const meta::SessionInfo& info : volume.sessions()) {
        const bool over = options.grace == Duration::zero() || info.client == Repacker::client;
        if (over && volume.apply(info.id, wire::CloseSession())) continue;
        // Where that failed for want of room, it is tried again with the leases.
        sessions.add({.id = info.id,
                      .client = info.client,
                      .read_only = info.read_only,
                      .seen = loop.now() + options.grace - options.lease});
    }
}

Service::Service(Loop& loop, meta::Volume& volume, object::Store& store, Options options)
    : parts_(std::make_unique<Parts>(loop, volume, store, std::move(options))) {
    Parts* parts = parts_.get();
    parts->adopt_sessions();
    parts->hook = loop.at_turn_end([parts] { parts->end_of_turn(); });
    parts->scope.start(parts->watch_leases());
    parts->upkeep.start();
}

Service::~Service() = default;

std::unique_ptr<rpc::Handler<wire::Metadata>> Service::connected(
    rpc::Pusher<wire::Metadata>& client) {
    return std::make_unique<Conversation>(*parts_, client);
}

Task<void> Service::close() {
    co_await parts_->upkeep.close();
    co_await parts_->scope.close();
    co_await parts_->syncer.close();
}

Counters Service::counters() const {
    return {.sessions = parts_->sessions.size(),
            .calls = parts_->batch.calls(),
            .batches = parts_->batch.batches(),
            .syncs = parts_->syncer.syncs(),
            .checkpoints = parts_->upkeep.checkpoints(),
            .segments_deleted = parts_->upkeep.deleted(),
            .segments_repacked = parts_->upkeep.repacked()};
}

Task<void> Service::end_expired(Duration now) {
    return parts_->end_expired(now);
}

Task<void> Service::upkeep() {
    return parts_->upkeep.run();
}

}  // namespace flexfs::service
