// Records the threads that have just removed a file's capabilities.
//
// Before a write the kernel removes them itself, if there are any: REMOVEXATTR, then SETATTR of
// nothing (fs/attr.c, notify_change). A chown(2) without an owner and a group is a SETATTR of
// nothing, too, and the kernel asks for capabilities right before it: so the previous request of
// the same thread tells the two apart.
#pragma once

#include <vector>

#include "lib/wire/types.h"

namespace flexfs::fuse {

class Disarmed {
public:
    // `thread` is the number that the kernel sends; 0: it cannot send one.
    void removed(wire::Ino ino, std::uint32_t thread);
    // Called for any request of a thread except the SETATTR that may come next.
    void asked(std::uint32_t thread) {
        if (!last_.empty() && thread != 0) forget(thread);
    }
    // Returns true if this SETATTR of nothing is the kernel's own.
    bool take(wire::Ino ino, std::uint32_t thread);

private:
    // An entry stays if its thread makes no further request; at most this many are kept.
    static constexpr std::size_t rows_max = 64;
    struct Row {
        wire::Ino ino = 0;
        std::uint32_t thread = 0;
        bool operator==(const Row&) const = default;
    };

    void forget(std::uint32_t thread);

    std::vector<Row> last_;  // oldest first
};

}  // namespace flexfs::fuse
