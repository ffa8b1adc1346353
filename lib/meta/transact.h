// Turns batches of calls into transactions, and writes them to the database.
#pragma once

#include "lib/meta/txn.h"

namespace flexfs::meta {

enum class WhenFull { refuse, ask_for_copy };
// Returns nothing if the disk is full and the owner should copy the log first; only with
// ask_for_copy. Then nothing was applied.
std::optional<std::vector<Outcome>> apply(State& state, std::span<const Call> batch,
                                          WhenFull when_full);
// Applies a journal's record again. EIO: it cannot be read.
Result<void> replay(State& state, const Buffer& record);

// Commits what is pending to the database. After an error it is still pending.
Result<void> commit_pending(State& state);
// Rolls the open transaction back and applies the pending records again. After an error, heal()
// tries again.
Result<void> undo(State& state);
inline Result<void> heal(State& state) {
    return state.rolled_back ? undo(state) : Result<void>();
}
// Writes what operations left in memory (inodes, entries, orphans, counters) to the open
// transaction. After an error, call undo().
Result<void> write_back(State& state);
// Calls write_back() on behalf of a read: if it fails, also calls undo().
Result<void> write_back_or_undo(State& state);
// Frees space on a full disk; nothing but the pending records may be applied. Gives the reserve up,
// commits, and copies the log, so that log and journal free their space; but not while the owner
// copies the log, or has to, because it is long. Returns false if that gained nothing.
bool make_room(State& state);
// Whether the reserve that make_room() needs is held. Without it only requests that free space may
// be executed.
bool has_reserve(State& state);
// Called before any read or change: opens a transaction and applies the pending records, if
// necessary.
Result<void> open_transaction(State& state);

}  // namespace flexfs::meta
