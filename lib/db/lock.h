// A lock file: one process at a time.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace flexfs::db {

// Held until destroyed or the process ends, however it ends. The file stays, with the holder's
// process id in it.
class LockFile {
public:
    // EBUSY, with the process id of the holder in the context; what open(2) gives.
    static Result<LockFile> take(const std::string& path);
    LockFile() = default;
    LockFile(LockFile&& other) noexcept;
    LockFile& operator=(LockFile&& other) noexcept;
    ~LockFile();

private:
    explicit LockFile(int fd) : fd_(fd) {}
    int fd_ = -1;
};

}  // namespace flexfs::db
