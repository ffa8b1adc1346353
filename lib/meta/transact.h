// How changes become transactions: batches of calls through the journal, upkeep directly.
#pragma once

#include <cerrno>

#include "lib/meta/txn.h"

namespace flexfs::meta {

std::vector<Outcome> apply(State& state, std::span<const Call> batch);
// Applies a journal's record again. EIO: it cannot be read.
Result<void> replay(State& state, const Buffer& record);

// What is pending is in the database afterwards. On an error it is pending still.
Result<void> commit_pending(State& state);
// The open transaction is thrown away, and what was pending applied again. An error means that this
// did not work; heal() tries again.
Result<void> undo(State& state);
inline Result<void> heal(State& state) {
    return state.rolled_back ? undo(state) : Result<void>();
}
// Brings what operations left in memory (inodes, entries, orphans, counters) to the open
// transaction. After an error that is to be undone.
Result<void> write_back(State& state);
// write_back() for who only looks at the database.
Result<void> write_back_or_undo(State& state);
// On a full disk, with nothing applied but what is pending: gives up the room that is kept,
// commits, and has the log copied, so that log and journal give their room back. False: that gained
// nothing.
bool make_room(State& state);
// Whether the room is kept that make_room() will need. Without it only what makes room may be done.
bool has_reserve(State& state);
// Before any read or change: a transaction is open, and what is pending is applied.
Result<void> open_transaction(State& state);

// One try of transact().
template <class F>
auto transact_once(State& state, F& work) -> decltype(work(std::declval<Txn&>())) {
    TRY(commit_pending(state));
    TRY(open_transaction(state));
    Txn tx(state);
    auto result = work(tx);
    if (result) {
        auto committed = tx.flush();
        tx.settle();
        if (committed) committed = write_back(state);
        if (committed) committed = state.db->commit();
        if (!committed) result = std::unexpected(std::move(committed.error()));
    }
    if (!result) {
        static_cast<void>(undo(state));  // nothing is pending, so it only throws away
        return result;
    }
    state.committed = state;
    state.log_unsynced = true;
    return result;
}

// A function of a transaction that is not in the journal: committed at once, or on an error nothing
// of it. On a full disk it is tried again on room that was made.
template <class F>
auto transact(State& state, F&& work) -> decltype(work(std::declval<Txn&>())) {
    auto result = transact_once(state, work);
    if (code_of(result) == ENOSPC && make_room(state)) return transact_once(state, work);
    return result;
}

}  // namespace flexfs::meta
