#include "lib/service/service.h"

#include "lib/base/log.h"
#include "lib/loop/pool.h"
#include "lib/service/conversation.h"
#include "lib/service/parts.h"

namespace flexfs::service {

Service::Parts::Parts(Loop& on, meta::Volume& of, Options wanted)
    : loop(on),
      volume(of),
      options(std::move(wanted)),
      log(loop, volume),
      grants(loop, volume, sessions,
             {options.shared_max, options.folders_max, options.exclusive_max}),
      batch(log, [this](std::span<meta::Call> calls) { prepare(calls); }),
      maintenance(loop, volume, log, batch, options) {}

void Service::Parts::prepare(std::span<meta::Call> calls) {
    const Time now = options.clock();
    for (meta::Call& call : calls) call.now = now;
    grants.name_holders(calls);
}

void Service::Parts::end_of_turn() {
    if (!maintenance.must_wait()) batch.append();
    volume.end_reads();
    grants.trim();
    maintenance.notice();
}

// Ends sessions that cannot come back; the others have `grace` to return. Their shared grants are
// not known, so they count as holding everything.
void Service::Parts::adopt_sessions() {
    grace_end = loop.now() + options.grace;
    for (const meta::SessionInfo& info : volume.sessions()) {
        const bool over = options.grace == Duration::zero() || info.client == own_client;
        if (over && volume.apply(info.id, wire::CloseSession())) continue;
        // If that failed because the disk is full, it is tried again when leases are checked.
        const auto session = sessions.add({.id = info.id,
                                           .client = info.client,
                                           .read_only = info.read_only,
                                           .seen = loop.now() + options.grace - options.lease});
        if (over) continue;
        grants.add_blanket(*session);
        grants.await(*session);
    }
}

Task<std::unique_ptr<meta::Volume>> open_volume(Loop& loop, meta::Options options) {
    return offload(loop, [options = std::move(options)] { return meta::Volume::open(options); });
}

Task<void> close_volume(Loop& loop, std::unique_ptr<meta::Volume> volume) {
    return offload(loop, [volume = std::move(volume)]() mutable -> Result<void> {
        volume.reset();
        return {};
    });
}

Service::Service(Loop& loop, meta::Volume& volume, Options options)
    : parts_(std::make_unique<Parts>(loop, volume, std::move(options))) {
    Parts* parts = parts_.get();
    parts->adopt_sessions();
    parts->hook = loop.at_turn_end([parts] { parts->end_of_turn(); });
    parts->scope.start(parts->watch_leases());
    parts->maintenance.start();
}

Service::~Service() = default;

std::unique_ptr<rpc::Handler<wire::Metadata>> Service::connected(
    rpc::Pusher<wire::Metadata>& client) {
    return std::make_unique<Conversation>(*parts_, client);
}

Task<void> Service::close() {
    co_await parts_->maintenance.close();
    co_await parts_->scope.close();
    co_await parts_->log.close();
}

Counters Service::counters() const {
    return {.sessions = parts_->sessions.size(),
            .shared_grants = parts_->grants.shared(),
            .calls = parts_->batch.calls(),
            .batches = parts_->batch.batches(),
            .syncs = parts_->log.syncs(),
            .checkpoints = parts_->maintenance.checkpoints()};
}

Task<std::vector<Result<meta::Reply>>> Service::apply(wire::SessionId session,
                                                      std::vector<meta::Request> requests) {
    std::vector<Result<meta::Reply>> replies;
    if (requests.empty()) co_return std::move(replies);
    std::vector<Batch::Ticket> tickets(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i)
        parts_->batch.add(tickets[i], {.session = session, .request = std::move(requests[i])});
    co_await parts_->batch.applied();
    for (Batch::Ticket& ticket : tickets) {
        // Extents that a client remembers may refer to a segment that is deleted soon.
        const auto* moved = std::get_if<wire::Compact>(&ticket.call->request);
        if (moved && ticket.outcome.reply) parts_->grants.announce_moved(moved->ino);
        replies.push_back(std::move(ticket.outcome.reply));
    }
    co_return std::move(replies);
}

Task<void> Service::sync() {
    return parts_->log.sync();
}

const wire::VolumeInfo& Service::volume() const {
    return parts_->volume.info();
}

Task<void> Service::end_expired(Duration now) {
    return parts_->end_expired(now);
}

Task<void> Service::maintain() {
    return parts_->maintenance.run();
}

}  // namespace flexfs::service
