// How batches of calls become transactions, and how they reach the database.
#pragma once

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

}  // namespace flexfs::meta
