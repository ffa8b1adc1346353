#include "lib/fuse/disarmed.h"

#include <algorithm>

namespace flexfs::fuse {

void Disarmed::removed(wire::Ino ino, std::uint32_t thread) {
    if (last_.size() == rows_max) last_.erase(last_.begin());
    last_.push_back({ino, thread});
}

void Disarmed::forget(std::uint32_t thread) {
    std::erase_if(last_, [&](const Row& row) { return row.thread == thread; });
}

// The kernel holds the file's lock from its REMOVEXATTR on, so a SETATTR by another thread shows
// that the sequence is over.
bool Disarmed::take(wire::Ino ino, std::uint32_t thread) {
    const bool own = std::ranges::find(last_, Row{ino, thread}) != last_.end();
    std::erase_if(last_, [&](const Row& row) { return row.ino == ino; });
    asked(thread);
    return own;
}

}  // namespace flexfs::fuse
