// Admission: decisions that this machine takes before a record is written, from the state of its
// own disk. Nothing after that, in apply(), looks at the disk: a record means the same wherever it
// is applied.
#pragma once

#include "lib/meta/transact.h"

namespace flexfs::meta {

// Whether the request may be executed on a full disk, because it frees space directly or later.
bool makes_room(const Request& request);
// Whether there is space for the database to grow, or some can be freed.
bool may_grow(State& state);

}  // namespace flexfs::meta
