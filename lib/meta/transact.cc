#include "lib/meta/transact.h"

#include <cerrno>

namespace flexfs::meta {

namespace {

Result<void> commit_once(State& state) {
    TRY(heal(state));
    if (state.pending.records.empty()) {
        // Nothing but reads was done in it.
        state.db->rollback();
        return {};
    }
    auto done = write_back(state);
    if (done) done = state.st.counter_put.run(std::string_view("batch"), state.batch);
    if (done) done = state.db->commit();
    if (!done) {
        if (auto undone = undo(state); !undone) return undone;
        return done;
    }
    state.pending = {};
    state.committed = state;
    state.committed_batch = state.batch;
    return {};
}

}  // namespace

Result<void> commit_pending(State& state) {
    auto done = commit_once(state);
    if (code_of(done) == ENOSPC && state.reserve.spend()) return commit_once(state);
    return done;
}

Result<void> write_back(State& state) {
    TRY(state.inodes.write(state.st));
    TRY(state.orphans.write(state.st));
    const auto put = [&](std::string_view name, std::uint64_t value, std::uint64_t was) {
        return value == was ? Result<void>() : state.st.counter_put.run(name, value);
    };
    const Counters& now = state.counters;
    const Counters& before = state.written;
    TRY(put("ino_floor", now.ino_floor, before.ino_floor));
    TRY(put("deleted", now.deleted, before.deleted));
    TRY(put("next_seq", now.next_seq, before.next_seq));
    TRY(put("next_segment", now.next_segment, before.next_segment));
    TRY(put("next_session", now.next_session, before.next_session));
    TRY(put("used_bytes", now.used_bytes, before.used_bytes));
    state.written = now;
    return {};
}

// A log that is wholly copied is written from its start again by the first transaction that begins
// after that. The open one began before, so what is pending is brought over into a new one.
Result<void> open_transaction(State& state) {
    TRY(heal(state));
    const std::uint64_t copied = state.copied_log_bytes;
    if (copied != 0 && !state.copying) {
        state.copied_log_bytes = 0;
        if (copied == state.db->log_bytes()) TRY(undo(state));
    }
    return state.db->in_transaction() ? Result<void>() : state.db->begin();
}

Result<void> undo(State& state) {
    state.db->rollback();
    static_cast<Memory&>(state) = state.committed;
    state.inodes.clear();
    state.orphans.clear();
    state.written = state.counters;
    state.rolled_back = !state.pending.records.empty();
    if (!state.rolled_back) return {};
    TRY(state.db->begin());
    for (const Buffer& record : state.pending.records) {
        if (auto done = replay(state, record); !done) {
            state.db->rollback();
            return done;
        }
    }
    state.rolled_back = false;
    return {};
}

}  // namespace flexfs::meta
