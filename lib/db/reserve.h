// Room on the disk that is kept for when there is none: without it a full disk could not even note
// that a file was deleted.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/descriptor.h"
#include "lib/base/result.h"

namespace flexfs::db {

class Reserve {
public:
    Reserve() = default;
    // Keeps `bytes` in a file at `path`, if there is room; 0: keeps none, and never will.
    // What open(2) gives.
    Result<void> open(std::string path, std::uint64_t bytes);
    Reserve(const Reserve&) = delete;
    Reserve& operator=(const Reserve&) = delete;

    // What it was opened with.
    std::uint64_t bytes() const { return bytes_; }
    // Whether it has `bytes`; tries to get them if not, and gives up what is far more than that.
    bool hold(std::uint64_t bytes);
    // Gives the room up. False: there was none.
    bool spend();
    void remove();

private:
    std::string path_;
    std::uint64_t bytes_ = 0;
    Descriptor file_;
    std::uint64_t held_ = 0;
};

}  // namespace flexfs::db
