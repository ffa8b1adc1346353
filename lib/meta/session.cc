// Sessions and the segment ids that they reserve.
#include <algorithm>
#include <cerrno>

#include "lib/crypto/crypto.h"
#include "lib/meta/operations.h"

namespace flexfs::meta {
namespace {

constexpr std::uint64_t reserved_segments_max = 4096;

}  // namespace

Result<wire::Session> open_session(Txn& tx, const wire::OpenSession& request) {
    wire::Session reply{.session = request.resume, .volume = tx.info()};
    if (request.resume != 0) {
        const auto known = tx.sessions().open.find(request.resume);
        if (known == tx.sessions().open.end()) return fail(ESTALE, "the session has ended");
        const SessionInfo& session = known->second;
        if (!crypto::equal_in_constant_time(session.secret.view(), request.secret.view()))
            return fail(ESTALE, "the session has another secret");
        reply.read_only = session.read_only;
        db::Query last(tx.st().reply_last, request.resume);
        TRY(const bool found, last.next());
        if (found && !last.null(0)) reply.applied = last.number(0);
        return reply;
    }
    reply.session = tx.counters().next_session++;
    reply.read_only = request.read_only;
    TRY(tx.st().session_add.run(reply.session, std::string_view(request.client),
                                request.read_only));
    if (!request.secret.empty())
        TRY(tx.st().session_secret.run(reply.session, request.secret.view()));
    if (request.squash.root)
        TRY(tx.st().session_squash.run(reply.session, request.squash.uid, request.squash.gid));
    tx.change_sessions().open.emplace(
        reply.session, SessionInfo{reply.session, request.client, request.read_only, request.squash,
                                   request.secret});
    return reply;
}

Result<wire::Done> close_session(Txn& tx) {
    const SessionId session = tx.session();
    if (session == 0) return fail(EINVAL);
    TRY(tx.st().session_end.run(session));
    Sessions& sessions = tx.change_sessions();
    sessions.open.erase(session);
    sessions.ended.push_back(session);
    return wire::Done{};
}

Result<wire::SegmentRange> reserve_segments(Txn& tx, const wire::ReserveSegments& request) {
    const std::uint64_t count = std::clamp<std::uint64_t>(request.count, 1, reserved_segments_max);
    const SegmentId first = tx.counters().next_segment;
    tx.counters().next_segment += count;
    TRY(tx.st().reserved_add.run(tx.session(), first, count));
    return wire::SegmentRange{first, count};
}

}  // namespace flexfs::meta
