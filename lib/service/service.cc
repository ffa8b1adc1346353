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
    const bool may_change = !options.may_change || options.may_change();
    if (may_change && !maintenance.must_wait() && !log.must_wait()) batch.append();
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
        const auto session = sessions.add({.id = info.id,
                                           .client = info.client,
                                           .read_only = info.read_only,
                                           .seen = loop.now() + options.grace - options.lease});
        if (over) {
            session->reach = rpc::Reach::in_process;  // it has no lease
            scope.start(end_adopted(session));
        } else {
            grants.add_blanket(*session);
            grants.await(*session);
        }
    }
}

// If it fails, because the disk is full, end_expired() tries it again.
Task<void> Service::Parts::end_adopted(std::shared_ptr<Session> session) {
    const auto ended = co_await result(end(session));
    if (!ended) log::warn("ending session {}: {}", session->id, ended.error().message());
}

// Sessions are opened afterwards, and the reply to OpenSession waits until everything so far is on
// disk. So no client learns a number before the skip is durable.
Task<void> Service::Parts::skip_numbers() {
    for (;;) {
        Batch::Ticket ticket;
        co_await batch.add(ticket, {.request = skipped_numbers});
        co_await ticket.applied.wait_shielded();
        if (ticket.outcome.reply) break;
        log::error("numbers cannot be skipped after an unclean end: {}",
                   ticket.outcome.reply.error().message());
        co_await loop.sleep(std::chrono::seconds(1));
    }
    ready.set();
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
    const bool may_lack_numbers = volume.was_interrupted() && !parts->options.handed_over;
    if (may_lack_numbers) parts->scope.start(parts->skip_numbers());
    else parts->ready.set();
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
    for (std::size_t i = 0; i < requests.size(); ++i) {
        meta::Call call{.session = session, .request = std::move(requests[i])};
        const auto added = parts_->batch.add(tickets[i], std::move(call));
        if (!added) tickets[i].outcome.reply = fail(added.error());
    }
    if (!parts_->batch.empty()) co_await parts_->batch.applied();
    for (Batch::Ticket& ticket : tickets) {
        // Extents that a client remembers may refer to a segment that is deleted soon.
        const bool done = ticket.call && ticket.outcome.reply;
        const auto* moved = done ? std::get_if<wire::Compact>(&ticket.call->request) : nullptr;
        if (moved) parts_->grants.announce_moved(moved->ino);
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
