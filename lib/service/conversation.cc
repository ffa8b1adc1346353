#include "lib/service/conversation.h"

#include <sys/stat.h>

#include <algorithm>

#include "lib/base/log.h"

namespace flexfs::service {
namespace {

template <class R>
constexpr std::string_view name_of() {
    return wire::Metadata::Requests::name_of(wire::op_of<R>);
}

// True for changes that must survive a power failure once they are answered: reservations of ids,
// which would otherwise be assigned twice, and requests that ask for it.
template <class R>
bool asks_for_sync(const R& request) {
    if constexpr (std::is_same_v<R, wire::Commit>) return request.durable;
    else return std::is_same_v<R, wire::ReserveSegments>;
}

}  // namespace

void Conversation::complain(std::string_view doing, const Error& error) {
    log::error("metadata: {}: {}", doing, error.message());
}

Result<void> Conversation::submit(Batch::Ticket& ticket, const Session& session,
                                  rpc::Context context, meta::Request request) {
    TRY(this->session());
    return parts_.batch.add(ticket, {.session = session.id,
                                     .sequence = context.sequence,
                                     .request = std::move(request),
                                     .oldest = context.oldest});
}

template <class Reply>
Result<Reply> Conversation::outcome(Session& session, Batch::Ticket& ticket) {
    meta::Outcome& outcome = ticket.outcome;
    if (!outcome.reply) return std::unexpected(std::move(outcome.reply.error()));
    parts_.grants.announce(*ticket.call, outcome, session);
    return std::get<Reply>(std::move(*outcome.reply));
}

// Other replies may reach the client during the sync and contain newer data; then the reply gives
// no grant.
template <class Reply>
Task<void> Conversation::make_durable(Session& session, Reply& reply) {
    if constexpr (requires { reply.also; }) reply.also.clear();
    const std::uint64_t pushed = session.pushed;
    co_await parts_.log.sync();
    if constexpr (requires { reply.grant; })
        if (session.pushed != pushed) reply.grant = Grant::none;
}

template <class R>
Task<typename R::Reply> Conversation::serve(rpc::Context context, R request) {
    Session* me = co_await session();
    const bool sync = parts_.options.sync_always || asks_for_sync(request);
    Batch::Ticket ticket;
    co_await submit(ticket, *me, context, std::move(request));
    co_await ticket.applied.wait_shielded();
    auto reply = co_await checked(name_of<R>(), outcome<typename R::Reply>(*me, ticket));
    if (sync) co_await make_durable(*me, reply);
    co_return reply;
}

template Task<wire::Removed> Conversation::serve(rpc::Context, wire::Unlink);
template Task<wire::Removed> Conversation::serve(rpc::Context, wire::Rmdir);
template Task<wire::Removed> Conversation::serve(rpc::Context, wire::Rename);
template Task<wire::Done> Conversation::serve(rpc::Context, wire::SetXattr);
template Task<wire::Done> Conversation::serve(rpc::Context, wire::RemoveXattr);
template Task<wire::Done> Conversation::serve(rpc::Context, wire::Release);
template Task<wire::Committed> Conversation::serve(rpc::Context, wire::Commit);
template Task<wire::SegmentRange> Conversation::serve(rpc::Context, wire::ReserveSegments);
template Task<wire::Done> Conversation::serve(rpc::Context, wire::Compact);

Task<wire::Entry> Conversation::serve(rpc::Context context, wire::Make request) {
    Session* me = co_await session();
    Batch::Ticket ticket;
    co_await submit(ticket, *me, context, std::move(request));
    co_await ticket.applied.wait_shielded();
    wire::Entry entry = co_await checked("make", outcome<wire::Entry>(*me, ticket));

    const Ino ino = entry.attr.ino;
    const bool created = ticket.outcome.created;
    if (ticket.outcome.repeated) entry.grant = Grant::none;  // another session may hold one since
    else if (created && S_ISREG(entry.attr.mode))
        entry.grant = parts_.grants.share_created(ino, *me);
    else if (created || !parts_.grants.in_the_way(ino, *me))
        entry.grant = parts_.grants.share(ino, *me);
    else entry = co_await read_named(*me, ino, true);
    if (parts_.options.sync_always) co_await make_durable(*me, entry);
    co_return entry;
}

Task<wire::Entry> Conversation::serve(rpc::Context context, wire::SetAttr request) {
    Session* me = co_await session();
    const Ino ino = request.ino;
    Grants::Turn turn;
    if (parts_.grants.in_the_way(ino, *me))
        turn = co_await parts_.grants.settle(ino, me->id, Grant::shared);
    Batch::Ticket ticket;
    co_await submit(ticket, *me, context, std::move(request));
    co_await ticket.applied.wait_shielded();
    wire::Entry entry = co_await checked("setattr", outcome<wire::Entry>(*me, ticket));
    entry.grant = ticket.outcome.repeated ? Grant::none : parts_.grants.share(ino, *me);
    if (parts_.options.sync_always) co_await make_durable(*me, entry);
    co_return entry;
}

template <class R>
Task<wire::RangeDone> Conversation::change_range(Session& me, rpc::Context context, R request) {
    const Ino ino = request.ino;
    Batch::Ticket ticket;
    co_await submit(ticket, me, context, std::move(request));
    co_await ticket.applied.wait_shielded();
    wire::RangeDone done = co_await checked(name_of<R>(), outcome<wire::RangeDone>(me, ticket));
    done.grant = ticket.outcome.repeated ? Grant::none : parts_.grants.share(ino, me);
    if (parts_.options.sync_always) co_await make_durable(me, done);
    co_return done;
}

Task<wire::RangeDone> Conversation::serve(rpc::Context context, wire::Allocate request) {
    Session* me = co_await session();
    Grants::Turn turn;
    if (parts_.grants.in_the_way(request.ino, *me))
        turn = co_await parts_.grants.settle(request.ino, me->id, Grant::shared);
    co_return co_await change_range(*me, context, std::move(request));
}

// The turns are taken in the order of the inode numbers: two clients that copy in opposite
// directions must not wait for each other.
Task<wire::RangeDone> Conversation::serve(rpc::Context context, wire::CopyRange request) {
    Session* me = co_await session();
    Grants::Turn first, second;
    const auto [low, high] = std::minmax({request.from, request.ino});
    // While this waits for one of the files, nobody may get the other one.
    if (parts_.grants.in_the_way(low, *me) || parts_.grants.in_the_way(high, *me)) {
        first = co_await parts_.grants.settle(low, me->id, Grant::shared);
        if (high != low) second = co_await parts_.grants.settle(high, me->id, Grant::shared);
    }
    co_return co_await change_range(*me, context, std::move(request));
}

Task<wire::Entry> Conversation::serve(rpc::Context context, wire::Link request) {
    Session* me = co_await session();
    const Ino ino = request.ino;
    Batch::Ticket ticket;
    co_await submit(ticket, *me, context, std::move(request));
    co_await ticket.applied.wait_shielded();
    wire::Entry entry = co_await checked("link", outcome<wire::Entry>(*me, ticket));
    if (ticket.outcome.repeated) entry.grant = Grant::none;
    else if (!parts_.grants.in_the_way(ino, *me)) entry.grant = parts_.grants.share(ino, *me);
    else entry = co_await read_named(*me, ino, !me->is_local());
    if (parts_.options.sync_always) co_await make_durable(*me, entry);
    co_return entry;
}

}  // namespace flexfs::service
