// How sessions begin, live and end.
#include <cerrno>

#include "lib/base/log.h"
#include "lib/service/conversation.h"

namespace flexfs::service {

Conversation::~Conversation() {
    if (!session_) return;
    if (session_->pusher == &client_) session_->pusher = nullptr;
    if (session_->local && !session_->ended && !parts_.scope.cancelled())
        parts_.scope.start(parts_.end(session_));
}

Result<Session*> Conversation::session() {
    if (!session_ || session_->ended) return fail(ESTALE, "no session is open");
    session_->seen = parts_.loop.now();
    return session_.get();
}

Task<wire::Session> Conversation::serve(rpc::Context context, wire::OpenSession request) {
    if (session_) co_return fail(EINVAL, "this connection has a session");
    const std::string client = request.client;
    Batch::Ticket ticket;
    parts_.batch.add(ticket, {0, 0, std::move(request)});
    co_await ticket.applied.wait_shielded();
    wire::Session reply =
        std::get<wire::Session>(co_await checked("open_session", std::move(ticket.outcome.reply)));
    session_ = parts_.sessions.find(reply.session);
    const bool resumed = session_ != nullptr;
    if (!resumed)
        session_ = parts_.sessions.add(
            {.id = reply.session, .client = client, .read_only = reply.read_only});
    // One in process is taken up by the next image of the process.
    session_->local = context.sequence == 0;
    if (session_->local && parts_.grants.alone()) parts_.grants.add_blanket(*session_);
    if (!session_->local) reply.lease_ns = std::uint64_t(parts_.options.lease.count());
    session_->pusher = &client_;
    session_->seen = parts_.loop.now();
    // Its id must not be given to another after a power cut.
    co_await parts_.log.sync();
    if (resumed) parts_.grants.repeat_recalls(*session_);
    co_return reply;
}

Task<wire::Done> Conversation::serve(rpc::Context, wire::CloseSession) {
    co_await session();
    co_await parts_.end(session_);
    co_return wire::Done{};
}

Task<wire::Done> Conversation::serve(rpc::Context, wire::Renew) {
    co_await session();
    co_return wire::Done{};
}

Task<wire::Done> Conversation::serve(rpc::Context, wire::ReturnGrant request) {
    Session* me = co_await session();
    // What it sent before may still wait for the turn's end; whoever waits for this must see it.
    if (!parts_.batch.empty()) co_await parts_.batch.applied();
    parts_.grants.returned(request.ino, *me, request.keep);
    co_return wire::Done{};
}

Task<void> Service::Parts::end(std::shared_ptr<Session> session) {
    Batch::Ticket ticket;
    batch.add(ticket, {session->id, 0, wire::CloseSession{}, options.clock()});
    co_await ticket.applied.wait_shielded();
    const Result<meta::Reply>& reply = ticket.outcome.reply;
    // ESTALE: another request was quicker. Otherwise it is tried again when its lease is over.
    if (!reply && reply.error().code != ESTALE) co_await fail(reply.error());
    sessions.remove(session->id);
    grants.ended(session->id);
}

Task<void> Service::Parts::end_expired(Duration now) {
    std::vector<std::shared_ptr<Session>> over;
    for (const auto& [id, session] : sessions) {
        // One in process is over with its client; here, when the disk was full at that moment.
        const bool gone = session->local ? !session->pusher : now - session->seen > options.lease;
        if (gone) over.push_back(session);
    }
    for (const auto& session : over) {
        log::info("session {} ({}) is over", session->id, session->client);
        co_await end(session);
    }
}

Task<void> Service::Parts::watch_leases() {
    for (;;) {
        const auto ended = co_await result(end_expired(loop.now()));
        if (!ended) log::warn("ending sessions: {}", ended.error().message());
        co_await loop.sleep(options.lease / 4);
    }
}

}  // namespace flexfs::service
