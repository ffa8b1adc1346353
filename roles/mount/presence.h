// What a running mount leaves for others to find, by its mount point: a lock, who holds it, and a
// socket to ask.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "lib/base/result.h"

namespace flexfs::mount {

// A file locked as long as the process lives. Whoever finds it locked can read who that is.
class LockFile {
public:
    // EBUSY where somebody else has it; `holder` tells who. The file is made if need be (mode
    // 0600).
    static Result<LockFile> take(const std::string& path, const std::string& content);
    // The lock that is held through a descriptor of the process image before this one.
    static LockFile adopt(int descriptor) { return LockFile(descriptor); }
    LockFile(LockFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    LockFile& operator=(LockFile&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~LockFile();

    // Writes what others are to read: "pid\nrest". For when it changed after the fork.
    Result<void> describe(const std::string& content);
    int descriptor() const { return descriptor_; }

private:
    explicit LockFile(int descriptor) : descriptor_(descriptor) {}
    int descriptor_;
};

struct Holder {
    pid_t pid = 0;
    std::string rest;  // what describe() was given
};
// Who holds the lock; nothing where nobody does.
std::optional<Holder> lock_holder(const std::string& path);

// The files of the mount on `mount_point` (an absolute path).
struct Presence {
    std::string lock;
    std::string socket;
    std::string log;
};
// Makes the folder they live in, in flexfs's home. EACCES, …
Result<Presence> presence_of(const std::string& mount_point);

// The path without links, "." and "..", also where the last part does not exist or does not answer.
std::string absolute_path(const std::string& path);

}  // namespace flexfs::mount
