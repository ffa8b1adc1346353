// Finds the files that use stored frames, and the names of files. These scan tables, so they belong
// to a snapshot on a thread of the pool.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "lib/meta/state.h"

namespace flexfs::meta {

// An extent that refers to a frame.
struct FrameUse {
    SegmentId segment = 0;
    std::uint32_t pos = 0;  // of the frame in its segment
    Ino ino = 0;
    std::uint64_t idx = 0;  // of the block in the file
    std::uint32_t off = 0;  // bytes of the block that the extent covers: from here on
    std::uint32_t len = 0;
};

// Adds the uses of the segments' frames by inodes above `after`, and moves `after` to the last
// inode that was examined. Reads some `rows` extents. Returns false if there are no more.
Result<bool> find_uses(State& state, const std::set<SegmentId>& segments, Ino& after,
                       std::size_t rows, std::vector<FrameUse>& into);

// Returns a path of the inode from the volume's root, "/a/b"; empty if it has no name.
Result<std::string> path_of(State& state, Ino ino);

}  // namespace flexfs::meta
