// The folder that a measurement works in, below the folder that is measured.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/result.h"

namespace flexfs::bench {

// Checks that `dir` is a folder with this much room: ENOTDIR, ENOENT, ENOSPC with a sentence. A
// filesystem that does not report its free space is assumed to have enough.
Result<void> check_room(const std::string& dir, std::uint64_t bytes, std::uint64_t files);

class Scratch {
public:
    // Makes `dir`/flexfs-bench-PID with a folder per worker in it. EACCES, EROFS, EEXIST, …
    static Result<Scratch> make(const std::string& dir, unsigned workers);
    ~Scratch();
    Scratch(Scratch&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    Scratch& operator=(Scratch&&) = delete;

    std::string folder(unsigned worker) const { return path_ + "/" + std::to_string(worker); }

    // Removes everything; the destructor does the same without reporting errors. The error names
    // what is left.
    Result<void> remove();

private:
    explicit Scratch(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

}  // namespace flexfs::bench
