// A function of a transaction, run in one: all of it is committed, or on an error nothing.
#pragma once

#include <utility>

#include "lib/meta/txn.h"

namespace flexfs::meta {

std::vector<Outcome> apply(State& state, std::span<const Call> batch);

// A shared read transaction becomes the writing one: nobody else writes, so its snapshot is the
// latest.
inline Result<void> begin(State& state) {
    if (std::exchange(state.reading, false)) return {};
    return state.db->begin();
}

template <class F>
auto transact(State& state, F&& work) -> decltype(work(std::declval<Txn&>())) {
    TRY(begin(state));
    Txn tx(state);
    auto result = work(tx);
    if (result) {
        if (auto flushed = tx.flush(); !flushed) {
            result = std::unexpected(std::move(flushed.error()));
        }
    }
    if (!result) {
        state.db->rollback();
        return result;
    }
    TRY(state.db->commit());
    tx.settle();
    return result;
}

}  // namespace flexfs::meta
