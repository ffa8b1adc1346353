// Which threads have just taken a file's capabilities away.
//
// Before a write the kernel takes them away itself, if there are any: REMOVEXATTR, then SETATTR of
// nothing (fs/attr.c, notify_change). A chown(2) to nobody and no group is a SETATTR of nothing,
// too, and the kernel asks for capabilities right before: so the two are told apart by what the
// same thread asked last.
#pragma once

#include <vector>

#include "lib/wire/types.h"

namespace flexfs::fuse {

class Disarmed {
public:
    // `thread`: as the kernel numbers it for us; 0: one whose number we cannot know.
    void removed(wire::Ino ino, std::uint32_t thread);
    // Any request of a thread but the SETATTR that may come next.
    void asked(std::uint32_t thread) {
        if (!last_.empty() && thread != 0) forget(thread);
    }
    // Whether this SETATTR of nothing is the kernel's own.
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

    std::vector<Row> last_;  // the oldest first
};

}  // namespace flexfs::fuse
