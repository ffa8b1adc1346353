// Disk space that is reserved for a full disk: without it, not even the deletion of a file could be
// recorded.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/descriptor.h"
#include "lib/base/result.h"

namespace flexfs::db {

class Reserve {
public:
    Reserve() = default;
    // Reserves `bytes` in a file at `path`, if there is space; 0: reserves nothing, and never will.
    // Fails with the errors of open(2).
    Result<void> open(std::string path, std::uint64_t bytes);
    Reserve(const Reserve&) = delete;
    Reserve& operator=(const Reserve&) = delete;

    // The size that it was opened with.
    std::uint64_t bytes() const { return bytes_; }
    // Whether it holds `bytes`. If it holds less it tries to get them; if it holds far more it
    // gives the excess up.
    bool hold(std::uint64_t bytes);
    // Gives the space up. Returns false if it held none.
    bool spend();
    void remove();

private:
    std::string path_;
    std::uint64_t bytes_ = 0;
    Descriptor file_;
    std::uint64_t held_ = 0;
};

}  // namespace flexfs::db
