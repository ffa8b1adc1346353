// Bringing a volume up: its database is made or read, and catches up with its journal.
#pragma once

#include "lib/meta/state.h"

namespace flexfs::meta {

// Fills the State, whose lock is taken. As Volume::open() says.
// What the database keeps of what is in memory: counters, sessions, what is configured. False: the
// database is new.
Result<bool> load_memory(State& state);
Result<void> load(State& state, const Options& options);

// EINVAL, with a sentence: out of range.
Result<void> check_info(const wire::VolumeInfo& info);
Result<void> put_info(Statements& st, const wire::VolumeInfo& info);

}  // namespace flexfs::meta
