// Files with credentials: they are read in the pool, and again once they have changed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/loop/loop.h"

namespace flexfs::cloud {

// EACCES with a sentence: the file is missing, cannot be read, or is too long for one of its kind.
Task<std::string> read_secret_file(Loop& loop, std::string path);
// The same, for a file that holds a token alone: without space around it. EACCES also if it is
// empty or has several lines.
Task<std::string> read_token_file(Loop& loop, std::string path);

// Notices that files were replaced, written, made or removed.
class WatchedFiles {
public:
    // Call it before the files are read.
    void note(std::vector<std::string> paths);
    bool changed() const;

private:
    struct Stamp {
        std::uint64_t inode = 0;
        std::int64_t size = -1, seconds = 0, nanoseconds = 0;
        bool operator==(const Stamp&) const = default;
    };
    static Stamp stamp_of(const std::string& path);

    std::vector<std::string> paths_;
    std::vector<Stamp> stamps_;
};

}  // namespace flexfs::cloud
