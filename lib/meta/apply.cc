// Executes batches of calls as transactions, and remembers replies for requests that are repeated.
#include <algorithm>
#include <cerrno>

#include "lib/base/check.h"
#include "lib/meta/admission.h"
#include "lib/meta/operations.h"
#include "lib/wire/codec.h"

namespace flexfs::meta {
namespace {

// The limit of what may be pending: the pages of this many calls are written together, and this
// many calls are applied again after a fault or a kill.
constexpr std::size_t pending_calls_max = 1024;
constexpr std::size_t pending_bytes_max = 1 << 20;

// An outcome in the form that the database stores. Fields are only appended; rows of the first
// formats have a third field, an Ino, which must not be reused.
struct Remembered {
    Result<Reply> reply;
    bool created = false;
    FLEXFS_FIELDS(reply, created)
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
    Result<Reply> operator()(const wire::Rename& m) { return as_reply(rename(tx, m)); }
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
    Result<Reply> operator()(const wire::Allocate& m) { return as_reply(allocate(tx, m)); }
    Result<Reply> operator()(const wire::CopyRange& m) { return as_reply(copy_range(tx, m)); }
    Result<Reply> operator()(const Configure& m) { return as_reply(configure(tx, m)); }
    Result<Reply> operator()(const CondemnGarbage& m) { return as_reply(condemn_garbage(tx, m)); }
    Result<Reply> operator()(const ForgetGarbage& m) { return as_reply(forget_garbage(tx, m)); }
    Result<Reply> operator()(const Maintain& m) { return as_reply(maintain(tx, m)); }
    Result<Reply> operator()(const SkipNumbers& m) { return as_reply(skip_numbers(tx, m)); }
};

Time time_of(const Call& call, Time before) {
    if (call.now != 0) return call.now;
    const auto own = [&](const auto& request) {
        if constexpr (requires { request.now; }) return request.now != 0 ? request.now : before;
        else return before;
    };
    return std::visit(own, call.request);
}

// A read-only session may still send the other requests.
bool changes_files(const Request& request) {
    return !std::holds_alternative<wire::Release>(request) &&
           !std::holds_alternative<wire::OpenSession>(request) &&
           !std::holds_alternative<wire::CloseSession>(request);
}

bool is_own(const Request& request) {
    return std::visit([]<class R>(const R&) { return is_own_request<R>; }, request);
}

// Replies are forgotten with their session, so it is not known whether a call was executed before
// the session ended.
Error session_ended(const Call& call) {
    Error error{ESTALE, "the session has ended"};
    error.refused = call.sequence == 0;
    return error;
}

Result<void> check_session(const Txn& tx, const Call& call) {
    if (call.session == 0) return {};
    if (is_own(call.request)) return fail(refuse({EINVAL, "a request of the service's own"}));
    const auto session = tx.sessions().open.find(call.session);
    if (session == tx.sessions().open.end()) return fail(session_ended(call));
    if (session->second.read_only && changes_files(call.request)) return fail(refuse({EROFS, {}}));
    return {};
}

Result<std::optional<Outcome>> recall(Txn& tx, const Call& call) {
    db::Query query(tx.st().reply_get, call.session, call.sequence);
    TRY(bool found, query.next());
    if (!found) return std::nullopt;
    TRY(Remembered memory, wire::decode<Remembered>(Buffer::copy_of(query.blob(0))));
    if (!memory.reply) memory.reply.error().refused = true;
    return Outcome{std::move(memory.reply), true, memory.created};
}

// Statements of a reply about other inodes are true when the call is executed, not when it is
// repeated.
void forget_others(Reply& reply) {
    const auto forget = [](auto& told) {
        if constexpr (requires { told.also; }) told.also.clear();
    };
    std::visit(forget, reply);
}

Result<void> remember(Txn& tx, const Call& call, const Outcome& outcome) {
    const std::uint64_t bound = call.sequence - std::min(call.sequence, remembered_sequences);
    TRY(tx.st().reply_forget.run(call.session, std::max(call.oldest, bound)));
    Remembered remembered{outcome.reply, outcome.created};
    if (remembered.reply) forget_others(*remembered.reply);
    const Buffer memory = wire::encode(remembered);
    return tx.st().reply_put.run(call.session, call.sequence, memory.view());
}

// The Result is a fault that invalidates the transaction; answers are in the Outcome. An answer
// that is an error is a refusal: only here it is known that the call was not executed when it was
// sent before.
Result<Outcome> execute(Txn& tx, const Call& call) {
    tx.start(call.session, call.holders, time_of(call, tx.now()));
    if (auto open = check_session(tx, call); !open) return Outcome{fail(std::move(open.error()))};
    const bool remembered = call.sequence != 0 && call.session != 0;
    if (remembered) {
        TRY(std::optional<Outcome> before, recall(tx, call));
        if (before) return std::move(*before);
    }
    // These requests read and change tables whose rows the transaction holds in memory.
    if (is_own(call.request)) TRY(tx.flush());
    Notes notes;
    Outcome outcome{std::visit(Execute{tx, notes}, call.request), false, notes.created};
    if (tx.faulty()) {
        if (!outcome.reply) return std::unexpected(std::move(outcome.reply.error()));
        return fail(EIO, "a part of the request failed");
    }
    if (!outcome.reply) outcome.reply.error().refused = true;
    if (remembered) TRY(remember(tx, call, outcome));
    return outcome;
}

// The journal's record of a batch: the clock before it, then its calls as a list.
Buffer encode_record(Time clock, std::span<const Call> batch) {
    std::size_t size = sizeof clock + sizeof(std::uint32_t);
    for (const Call& call : batch) size += wire::encoded_size(call);
    WritableBuffer memory(size);
    wire::Encoder encoder(memory.data());
    encoder.put(clock);
    encoder.put(static_cast<std::uint32_t>(batch.size()));
    for (const Call& call : batch) encoder.put(call);
    return std::move(memory).freeze();
}

// Executes the calls. The outcomes take effect in memory and in the open transaction.
Result<std::vector<Outcome>> run(Txn& tx, std::span<const Call> batch) {
    std::vector<Outcome> outcomes;
    outcomes.reserve(batch.size());
    for (const Call& call : batch) {
        TRY(outcomes.emplace_back(), execute(tx, call));
        tx.end_call();
    }
    TRY(tx.flush());
    return outcomes;
}

Result<void> write_record(State& state, std::span<const Call> batch, Time clock) {
    TRY(state.db->fail_if_told("journal"));
    Buffer record = encode_record(clock, batch);
    TRY(state.journal->append(state.batch + 1, record));
    ++state.batch;
    state.pending.bytes += record.size();
    state.pending.calls += batch.size();
    state.pending.records.push_back(std::move(record));
    return {};
}

// A commit while the log is being copied would keep it from starting anew afterwards, so it is
// delayed.
bool is_due(const State& state) {
    const std::size_t patience = state.copying ? 8 : 1;
    return state.pending.calls >= patience * pending_calls_max ||
           state.pending.bytes >= patience * pending_bytes_max || state.inodes.is_full() ||
           state.entries.is_full();
}

Result<std::vector<Outcome>> attempt_once(State& state, std::span<const Call> batch) {
    if (is_due(state)) TRY(commit_pending(state));
    TRY(open_transaction(state));
    const auto changes = [&] {
        return state.db->writes() + state.inodes.changes() + state.entries.changes() +
               state.orphans.changes();
    };
    const std::uint64_t before = changes();
    Txn tx(state);
    auto outcomes = run(tx, batch);
    // A batch in which all calls were refused leaves no trace.
    const bool changed = changes() != before || tx.counters() != state.counters;
    if (outcomes && changed) {
        if (auto written = write_record(state, batch, state.clock); !written)
            outcomes = std::unexpected(std::move(written.error()));
    }
    if (outcomes) {
        tx.settle();
    } else if (auto undone = undo(state); !undone) {
        return std::unexpected(std::move(undone.error()));
    }
    return outcomes;
}

Result<std::vector<Outcome>> attempt(State& state, std::span<const Call> batch) {
    auto outcomes = attempt_once(state, batch);
    if (code_of(outcomes) == ENOSPC && make_room(state)) return attempt_once(state, batch);
    return outcomes;
}

// Whether the session sent the call before and it was executed then. ESTALE: this is no longer
// known.
Result<bool> was_executed(State& state, const Call& call) {
    if (call.sequence == 0 || call.session == 0) return false;
    TRY(open_transaction(state));
    if (!state.sessions->open.contains(call.session)) return fail(session_ended(call));
    db::Query query(state.st.reply_get, call.session, call.sequence);
    return query.next();
}

// Returns the outcome of a call that is in no record.
Outcome not_done(State& state, const Call& call, Error error) {
    const auto before = was_executed(state, call);
    error.refused = before && !*before;
    return Outcome{fail(std::move(error))};
}

std::optional<std::vector<Outcome>> apply_admitted(State& state, std::span<const Call> batch,
                                                   WhenFull when_full) {
    if (batch.empty()) return std::vector<Outcome>();
    Result<std::vector<Outcome>> together = attempt(state, batch);
    if (together) return std::move(*together);
    if (state.wants_copy && when_full == WhenFull::ask_for_copy) return std::nullopt;
    std::vector<Outcome> outcomes;
    if (batch.size() == 1) {
        outcomes.push_back(not_done(state, batch.front(), std::move(together.error())));
        return outcomes;
    }
    for (const Call& call : batch) {
        auto alone = attempt(state, {&call, 1});
        outcomes.push_back(alone ? std::move(alone->front())
                                 : not_done(state, call, std::move(alone.error())));
    }
    return outcomes;
}

}  // namespace

Result<void> replay(State& state, const Buffer& record) {
    Time clock = 0;
    std::vector<Call> batch;
    wire::Decoder decoder(record);
    if (!decoder.get(clock) || !decoder.get(batch) || !decoder.finish())
        return fail(EIO, "the journal is damaged: " + decoder.error().context);
    state.clock = clock;
    Txn tx(state);
    TRY(run(tx, batch));
    tx.settle();
    return {};
}

std::optional<std::vector<Outcome>> apply(State& state, std::span<const Call> batch,
                                          WhenFull when_full) {
    check(!state.cutting);
    state.wants_copy = false;
    const auto grows = [](const Call& call) { return !makes_room(call.request); };
    const bool admitted_all = std::ranges::none_of(batch, grows) || may_grow(state);
    if (state.wants_copy && when_full == WhenFull::ask_for_copy) return std::nullopt;
    if (admitted_all) return apply_admitted(state, batch, when_full);

    std::vector<Outcome> outcomes(batch.size());
    std::vector<Call> admitted;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        // A repeated request that was executed gets the original reply.
        const auto done = was_executed(state, batch[i]);
        if (!grows(batch[i]) || (done && *done)) {
            admitted.push_back(batch[i]);
            places.push_back(i);
        } else {
            outcomes[i] = not_done(state, batch[i], {ENOSPC, "no room for metadata"});
        }
    }
    auto done = apply_admitted(state, admitted, when_full);
    if (!done) return std::nullopt;
    for (std::size_t i = 0; i < places.size(); ++i) outcomes[places[i]] = std::move((*done)[i]);
    return outcomes;
}

}  // namespace flexfs::meta
