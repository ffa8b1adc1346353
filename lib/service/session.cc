// Sessions: opening, resuming, renewing, lapsing and ending.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/base/log.h"
#include "lib/crypto/crypto.h"
#include "lib/service/conversation.h"

namespace flexfs::service {
namespace {

constexpr std::size_t secret_bytes = 16;

}  // namespace

Conversation::~Conversation() {
    // Another connection or the next image of the process may have taken over the session.
    if (!session_ || session_->pusher != &client_) return;
    session_->pusher = nullptr;
    if (session_->is_local() && !session_->ended && !parts_.scope.cancelled())
        parts_.scope.start(parts_.end(session_));
}

// A connection that the client has replaced may still deliver requests that it sent earlier; they
// must not be executed beside those that the client has repeated since.
Result<Session*> Conversation::session() {
    if (!session_ || session_->ended || session_->lapsed || session_->pusher != &client_)
        return fail(ESTALE, "no session is open");
    session_->seen = parts_.loop.now();
    return session_.get();
}

Result<void> Conversation::check_volume(const std::string& asked) const {
    const wire::VolumeInfo& info = parts_.volume.info();
    if (asked.empty() || asked == info.id || asked == info.name) return {};
    return fail(ENOENT, fmt::format("the server has no volume {}", asked));
}

// Replaces the secret in the request by its hash, and makes a secret for a new session.
Result<Buffer> Conversation::seal(wire::OpenSession& request) const {
    const bool remote = client_.reach() == rpc::Reach::over_socket;
    if (remote && request.resume != 0 && request.secret.empty())
        return fail(ESTALE, "a session is resumed with its secret");
    Buffer secret = request.secret;
    if (request.resume == 0) secret = crypto::random_bytes(secret_bytes);
    if (!secret.empty()) request.secret = crypto::sha256(secret.view());
    return secret;
}

// Takes the session over from the connection or the process that had it.
Result<void> Conversation::resume(SessionId id, std::uint64_t attempt, bool& lapsed) {
    auto session = parts_.sessions.find(id);
    if (const auto known = parts_.sessions.lapsed().find(id);
        !session && known != parts_.sessions.lapsed().end())
        session = known->second;
    if (!session) return fail(ESTALE, "the session has ended");
    const bool remote = client_.reach() == rpc::Reach::over_socket;
    if (remote && attempt <= session->attempt)
        return fail(EALREADY, "a later connection of this client has resumed the session");
    lapsed = session->lapsed;
    if (lapsed) parts_.sessions.revive(id);
    if (session->pusher) session->pusher->disconnect("the client has another connection");
    session_ = session;
    return {};
}

Task<wire::Session> Conversation::serve(rpc::Context, wire::OpenSession request) {
    if (!parts_.ready.is_set()) co_await parts_.ready.wait();
    if (session_) co_return fail(EINVAL, "this connection has a session");
    co_await check_volume(request.volume);
    const Buffer secret = co_await seal(request);
    const std::string client = request.client;
    const bool resumed = request.resume != 0;
    const std::uint64_t attempt = request.attempt;
    Batch::Ticket ticket;
    co_await parts_.batch.add(ticket, {0, 0, std::move(request)});
    co_await ticket.applied.wait_shielded();
    wire::Session reply =
        std::get<wire::Session>(co_await checked("open_session", std::move(ticket.outcome.reply)));
    if (session_) co_return fail(EINVAL, "this connection has a session");
    if (resumed) {
        co_await resume(reply.session, attempt, reply.lapsed);
    } else {
        session_ = parts_.sessions.add(
            {.id = reply.session, .client = client, .read_only = reply.read_only});
        reply.secret = secret;
    }
    session_->attempt = attempt;
    session_->reach = client_.reach();
    session_->pusher = &client_;
    session_->seen = parts_.loop.now();
    if (session_->is_local()) {
        parts_.grants.returned_from_restart(*session_);
        if (parts_.grants.alone()) parts_.grants.add_blanket(*session_);
    } else {
        reply.lease_ns = std::uint64_t(parts_.options.lease.count());
    }
    // The session's id must not be assigned again after a power failure.
    co_await parts_.log.sync();
    if (resumed) parts_.grants.repeat_recalls(*session_);
    co_return reply;
}

Task<wire::Reasserted> Conversation::serve(rpc::Context, wire::Reassert request) {
    Session* me = co_await session();
    if (request.inos.size() > wire::reassert_max) co_return fail(EINVAL, "too many grants at once");
    wire::Reasserted reply;
    for (const Ino ino : request.inos) {
        // After a power failure the number may be one that is still to be given to a new inode.
        const auto entry = parts_.volume.read(wire::GetAttr{ino}, false);
        const bool is_file = entry && S_ISREG(entry->attr.mode);
        if (!is_file || !parts_.grants.reassert(ino, *me)) reply.refused.push_back(ino);
    }
    if (request.complete) parts_.grants.returned_from_restart(*me);
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
    // Changes that the session sent earlier may still wait for the end of the turn. Requests that
    // wait for this return must see them.
    if (!parts_.batch.empty()) co_await parts_.batch.applied();
    parts_.grants.returned(request.ino, *me, request.keep);
    co_return wire::Done{};
}

Task<void> Service::Parts::end(std::shared_ptr<Session> session) {
    Batch::Ticket ticket;
    co_await batch.add(ticket, {session->id, 0, wire::CloseSession{}, options.clock()});
    co_await ticket.applied.wait_shielded();
    const Result<meta::Reply>& reply = ticket.outcome.reply;
    // ESTALE: another request has ended the session already. After any other error the session is
    // ended when its lease expires.
    if (!reply && reply.error().code != ESTALE) co_await fail(reply.error());
    sessions.remove(session->id);
    grants.ended(*session);
}

// A client that is still connected has to open the session again, and so learns that its grants are
// gone.
void Service::Parts::lapse(Session& session) {
    log::info("session {} ({}) has lost its lease", session.id, session.client);
    Pusher* const client = session.pusher;
    sessions.lapse(session.id);
    session.seen = loop.now();
    session.blanket = false;
    grants.ended(session);
    if (client) client->disconnect("the session has lost its lease");
}

Task<void> Service::Parts::end_expired(Duration now) {
    std::vector<std::shared_ptr<Session>> over, late;
    for (const auto& [id, session] : sessions) {
        // A session in process ends with its client; it is found here only if the disk was full at
        // that moment.
        if (session->is_local() && !session->pusher) over.push_back(session);
        if (!session->is_local() && now - session->seen > options.lease) late.push_back(session);
    }
    for (const auto& session : late) lapse(*session);
    std::vector<std::shared_ptr<Session>> lapsed;
    for (const auto& [id, session] : sessions.lapsed()) lapsed.push_back(session);
    std::ranges::sort(lapsed, {}, [](const auto& session) { return session->seen; });
    for (std::size_t left = lapsed.size(); const auto& session : lapsed) {
        if (left <= options.lapsed_max && now - session->seen < options.linger) break;
        over.push_back(session);
        --left;
    }
    end_grace_if_over(now);
    for (const auto& session : over) {
        // Its client may have resumed it while another one was ended.
        const bool gone = session->lapsed || (session->is_local() && !session->pusher);
        if (session->ended || !gone) continue;
        log::info("session {} ({}) has ended", session->id, session->client);
        co_await end(session);
    }
}

void Service::Parts::end_grace_if_over(Duration now) {
    if (now >= grace_end) grants.end_grace();
}

Task<void> Service::Parts::watch_leases() {
    for (;;) {
        const auto ended = co_await result(end_expired(loop.now()));
        if (!ended) log::warn("ending sessions: {}", ended.error().message());
        co_await loop.sleep(options.lease / 4);
    }
}

}  // namespace flexfs::service
