// Batches of calls as transactions, and replies remembered for those who ask twice.
#include <algorithm>
#include <cerrno>

#include "lib/base/check.h"
#include "lib/meta/operations.h"
#include "lib/meta/transact.h"
#include "lib/wire/codec.h"

namespace flexfs::meta {
namespace {

// An outcome as the database keeps it. Fields are only appended.
struct Memory {
    Result<Reply> reply;
    bool created = false;
    Ino moved = 0;
    FLEXFS_FIELDS(reply, created, moved)
};

template <class T>
Result<Reply> as_reply(Result<T> result) {
    if (!result) return std::unexpected(std::move(result.error()));
    return Reply(std::move(*result));
}

struct Execute {
    Txn& tx;
    Notes& notes;

    Result<Reply> operator()(const wire::Make& m) { return as_reply(make(tx, m, notes)); }
    Result<Reply> operator()(const wire::SetAttr& m) { return as_reply(setattr(tx, m)); }
    Result<Reply> operator()(const wire::Link& m) { return as_reply(link(tx, m)); }
    Result<Reply> operator()(const wire::Unlink& m) { return as_reply(unlink(tx, m)); }
    Result<Reply> operator()(const wire::Rmdir& m) { return as_reply(rmdir(tx, m)); }
    Result<Reply> operator()(const wire::Rename& m) { return as_reply(rename(tx, m, notes)); }
    Result<Reply> operator()(const wire::SetXattr& m) { return as_reply(set_xattr(tx, m)); }
    Result<Reply> operator()(const wire::RemoveXattr& m) { return as_reply(remove_xattr(tx, m)); }
    Result<Reply> operator()(const wire::Commit& m) { return as_reply(commit(tx, m)); }
    Result<Reply> operator()(const wire::Compact& m) { return as_reply(compact(tx, m)); }
    Result<Reply> operator()(const wire::Release& m) { return as_reply(release(tx, m)); }
    Result<Reply> operator()(const wire::ReserveSegments& m) {
        return as_reply(reserve_segments(tx, m));
    }
    Result<Reply> operator()(const wire::OpenSession& m) { return as_reply(open_session(tx, m)); }
    Result<Reply> operator()(const wire::CloseSession&) { return as_reply(close_session(tx)); }
};

Time time_of(const Call& call, Time before) {
    if (call.now != 0) return call.now;
    const auto own = [&](const auto& request) {
        if constexpr (requires { request.now; }) return request.now != 0 ? request.now : before;
        else return before;
    };
    return std::visit(own, call.request);
}

// What a read-only session may still ask for.
bool changes_files(const Request& request) {
    return !std::holds_alternative<wire::Release>(request) &&
           !std::holds_alternative<wire::OpenSession>(request) &&
           !std::holds_alternative<wire::CloseSession>(request);
}

Result<void> check_session(const Txn& tx, const Call& call) {
    if (call.session == 0) return {};
    const auto session = tx.sessions().open.find(call.session);
    if (session == tx.sessions().open.end()) return fail(ESTALE, "the session has ended");
    if (session->second.read_only && changes_files(call.request)) return fail(EROFS);
    return {};
}

Result<std::optional<Outcome>> recall(Txn& tx, const Call& call) {
    db::Query query(tx.st().reply_get, call.session, call.sequence);
    TRY(bool found, query.next());
    if (!found) return std::nullopt;
    TRY(Memory memory, wire::decode<Memory>(Buffer::copy_of(query.blob(0))));
    return Outcome{std::move(memory.reply), true, memory.created, memory.moved};
}

Result<void> remember(Txn& tx, const Call& call, const Outcome& outcome) {
    const std::uint64_t bound = call.sequence - std::min(call.sequence, remembered_sequences);
    TRY(tx.st().reply_forget.run(call.session, std::max(call.oldest, bound)));
    const Buffer memory = wire::encode(Memory{outcome.reply, outcome.created, outcome.moved});
    return tx.st().reply_put.run(call.session, call.sequence, memory.view());
}

// The Result is the fault that spoils the transaction; answers are in the Outcome.
Result<Outcome> execute(Txn& tx, const Call& call) {
    tx.start(call.session, call.holders, time_of(call, tx.now()));
    if (auto open = check_session(tx, call); !open) return Outcome{fail(std::move(open.error()))};
    const bool remembered = call.sequence != 0 && call.session != 0;
    if (remembered) {
        TRY(std::optional<Outcome> before, recall(tx, call));
        if (before) return std::move(*before);
    }
    Notes notes;
    Outcome outcome{std::visit(Execute{tx, notes}, call.request), false, notes.created,
                    notes.moved};
    if (tx.faulty()) {
        if (!outcome.reply) return std::unexpected(std::move(outcome.reply.error()));
        return fail(EIO, "a part of the request failed");
    }
    if (remembered) TRY(remember(tx, call, outcome));
    return outcome;
}

Result<std::vector<Outcome>> attempt(State& state, std::span<const Call> batch) {
    return transact(state, [&](Txn& tx) -> Result<std::vector<Outcome>> {
        std::vector<Outcome> outcomes;
        outcomes.reserve(batch.size());
        for (const Call& call : batch) {
            TRY(outcomes.emplace_back(), execute(tx, call));
        }
        return outcomes;
    });
}

}  // namespace

std::vector<Outcome> apply(State& state, std::span<const Call> batch) {
    if (batch.empty()) return {};
    Result<std::vector<Outcome>> together = attempt(state, batch);
    if (together) return std::move(*together);
    std::vector<Outcome> outcomes;
    if (batch.size() == 1) {
        outcomes.push_back({fail(std::move(together.error()))});
        return outcomes;
    }
    for (const Call& call : batch) {
        auto alone = attempt(state, {&call, 1});
        outcomes.push_back(alone ? std::move(alone->front())
                                 : Outcome{fail(std::move(alone.error()))});
    }
    return outcomes;
}

}  // namespace flexfs::meta
