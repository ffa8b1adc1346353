// What a client leaves to the one that takes its place in the next image of its process: what the
// kernel and the service count on. Written by one version, read by the next: fields are appended.
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
        std::int32_t flags = 0;    // as open(2)
        std::int32_t failure = 0;  // of writing back, which this handle has still to tell; 0: none
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
    std::vector<wire::Ino> orphans;   // whose last link is gone, and which somebody uses
    std::vector<wire::Ino> released;  // that nobody uses any more; the service may not know it yet
    std::uint64_t sequence = 0;       // of the session's requests so far, at most this
    std::uint64_t attempt = 0;        // to open the session, so far
    Buffer secret;                    // that resumes the session
    FLEXFS_FIELDS(session, last_handle, files, directories, orphans, released, sequence, attempt,
                  secret)
};

}  // namespace flexfs::vfs
