#include "lib/meta/transact.h"

#include <algorithm>
#include <cerrno>

namespace flexfs::meta {

namespace {

// Copying a log of this length takes a few milliseconds.
constexpr std::uint64_t short_log_bytes = 2 << 20;

// Discards everything since the last commit, in memory and in the database.
void throw_away(State& state) {
    state.db->rollback();
    static_cast<Memory&>(state) = state.committed;
    state.inodes.clear();
    state.entries.clear();
    state.orphans.clear();
    state.written = state.counters;
    state.rolled_back = !state.pending.records.empty();
    if (state.observer) state.observer->rolled_back();
}

// Records that everything applied is in the database.
void keep_committed(State& state, std::uint64_t batch) {
    state.committed = state;
    state.committed_batch = batch;
    if (state.observer) state.observer->committed();
}

Result<void> commit_once(State& state) {
    TRY(heal(state));
    if (state.pending.records.empty()) {
        // The transaction contains only reads and refusals.
        state.db->rollback();
        state.inodes.shrink();
        state.entries.shrink();
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
    keep_committed(state, state.batch);
    if (const auto room = state.db->room()) state.growth = room->growth;
    return {};
}

// Commits the oldest pending record, applying it first; pending records are not applied at this
// point.
Result<void> commit_first(State& state, std::uint64_t number) {
    TRY(state.db->begin());
    auto done = replay(state, state.pending.records.front());
    if (done) done = write_back(state);
    if (done) done = state.st.counter_put.run(std::string_view("batch"), number);
    if (done) done = state.db->commit();
    if (!done) {
        throw_away(state);
        return done;
    }
    state.pending.records.erase(state.pending.records.begin());
    keep_committed(state, number);
    return {};
}

// One record at a time needs less space than all of them; the log starts anew before it has taken
// the space that the database needs to grow.
Result<void> commit_one_by_one(State& state) {
    while (!state.pending.records.empty()) {
        const std::uint64_t number = state.batch - state.pending.records.size() + 1;
        if (state.db->log_bytes() >= state.reserve.bytes() / 8) TRY(state.db->restart_log(true));
        auto done = commit_first(state, number);
        if (code_of(done) == ENOSPC) {
            TRY(state.db->restart_log(true));
            done = commit_first(state, number);
        }
        TRY(done);
    }
    state.pending = {};
    state.rolled_back = false;
    return {};
}

// When the log was truncated its changes are in the database, durably, so the journal is no longer
// needed; except while a volume is opened, when it holds records that still wait for their replay.
Result<void> empty_logs(State& state) {
    throw_away(state);
    TRY(state.db->restart_log(true));
    TRY(commit_one_by_one(state));
    TRY(state.db->restart_log(true));
    state.copied_log_bytes = 0;
    state.growth = 0;
    if (!state.loaded) return {};
    return state.journal->clear();
}

}  // namespace

Result<void> commit_pending(State& state) {
    auto done = commit_once(state);
    if (code_of(done) == ENOSPC && make_room(state)) return commit_once(state);
    return done;
}

Result<void> write_back(State& state) {
    TRY(state.inodes.write(state.st));
    TRY(state.entries.write(state.st));
    TRY(state.orphans.write(state.st));
    for (const auto& [name, value] : counter_rows) {
        if (state.counters.*value == state.written.*value) continue;
        TRY(state.st.counter_put.run(name, state.counters.*value));
    }
    state.written = state.counters;
    return {};
}

Result<void> write_back_or_undo(State& state) {
    auto written = write_back(state);
    if (!written) static_cast<void>(undo(state));
    return written;
}

bool make_room(State& state) {
    const bool spent = state.reserve.spend();
    const bool is_long = state.copying || state.db->uncopied_bytes() > short_log_bytes;
    if (state.owner_copies && is_long) state.wants_copy = true;
    const bool gained = !state.copying && !(state.owner_copies && is_long) && empty_logs(state);
    return (gained || spent) && heal(state);
}

// Copying the log makes the database longer, and so do the pending records: by less than half of
// the reserve's size, unless the log alone takes more. The other half is for the log and journal
// records of requests that free space. Pages that are free inside the database can replace the
// first half, because the pages of a database that was emptied are never returned to the disk.
bool has_reserve(State& state) {
    const std::uint64_t least = state.reserve.bytes();
    if (least == 0) return true;
    // The size grows in steps, so that it changes rarely.
    const std::uint64_t step = least / 4;
    const auto wanted = [&] { return least + (std::max(state.growth, step) - 1) / step * step; };
    if (state.reserve.hold(wanted())) return true;
    const auto room = state.db->room();
    if (!room) return false;
    state.growth = room->growth;
    return state.reserve.hold(wanted() - std::min(room->free, least / 2));
}

// A log that is copied completely is overwritten from its start by the first transaction that
// begins after that. The open transaction began before, so the pending records are moved into a new
// one.
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
    throw_away(state);
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
