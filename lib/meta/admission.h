// What this machine decides before a record is written, by the state of its own disk. Nothing
// behind this door, in apply(), looks at the disk: a record means the same wherever it is applied.
#pragma once

#include "lib/meta/transact.h"

namespace flexfs::meta {

// Whether the request may be carried out on a full disk: it makes room, or leads to that.
bool makes_room(const Request& request);
// Whether there is room for the database to grow, or some can be made.
bool may_grow(State& state);

}  // namespace flexfs::meta
