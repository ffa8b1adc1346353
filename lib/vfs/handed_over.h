// The state that a client leaves to the client that replaces it in the next image of its process:
// what the kernel and the service rely on. One version writes it and another may read it, so fields
// are only appended.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/wire/fields.h"
#include "lib/wire/types.h"

namespace flexfs::vfs {

struct HandedOver {
    struct File {
        std::uint64_t handle = 0;
        wire::Ino ino = 0;
        std::int32_t flags = 0;    // as in open(2)
        std::int32_t failure = 0;  // unreported error of writing back; 0: none
        FLEXFS_FIELDS(handle, ino, flags, failure)
    };
    struct Directory {
        std::uint64_t handle = 0;
        wire::Ino ino = 0;
        FLEXFS_FIELDS(handle, ino)
    };

    wire::SessionId session = 0;  // stays open
    std::uint64_t last_handle = 0;
    std::vector<File> files;
    std::vector<Directory> directories;
    std::vector<wire::Ino> orphans;   // inodes without a link that are still in use
    std::vector<wire::Ino> released;  // orphans no longer in use; maybe not released yet
    std::uint64_t sequence = 0;       // upper bound of the session's request numbers so far
    std::uint64_t attempt = 0;        // number of attempts to open the session so far
    Buffer secret;                    // resumes the session
    FLEXFS_FIELDS(session, last_handle, files, directories, orphans, released, sequence, attempt,
                  secret)
};

}  // namespace flexfs::vfs
