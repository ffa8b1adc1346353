// Opens a volume: creates or reads its database, and applies its journal.
#pragma once

#include "lib/meta/state.h"

namespace flexfs::meta {

// load_memory() reads the part of the State that the database keeps: counters, sessions,
// configuration. It returns false if the database is new. load() fills the whole State, whose lock
// must be held, with the errors of Volume::open().
Result<bool> load_memory(State& state);
Result<void> load(State& state, const Options& options);

// EINVAL, with a sentence: a value is out of range.
Result<void> check_info(const wire::VolumeInfo& info);
Result<void> put_info(Statements& st, const wire::VolumeInfo& info);

}  // namespace flexfs::meta
