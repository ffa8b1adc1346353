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
    static Result<LockFile> take(const std::string& path, const std::string& mount_point);
    // The same, once a mount that was unmounted, and holds it while it writes its last data, is
    // done; for a minute at most. EBUSY where a mount goes on.
    static Result<LockFile> take_in_turn(const std::string& path, const std::string& mount_point);
    // The lock that is held through a descriptor of the process image before this one.
    static LockFile adopt(int descriptor, const std::string& mount_point) {
        return LockFile(descriptor, mount_point);
    }
    LockFile(LockFile&& other) noexcept
        : descriptor_(std::exchange(other.descriptor_, -1)),
          mount_point_(std::move(other.mount_point_)) {}
    LockFile& operator=(LockFile&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        std::swap(mount_point_, other.mount_point_);
        return *this;
    }
    ~LockFile();

    // For who waits until it is given up: what is wrong; the last sentence is its last_words().
    void complain(const std::string& sentence);
    int descriptor() const { return descriptor_; }

private:
    Result<void> write(const std::string& text);
    LockFile(int descriptor, std::string mount_point)
        : descriptor_(descriptor), mount_point_(std::move(mount_point)) {}
    int descriptor_;
    std::string mount_point_;
};

struct Holder {
    pid_t pid = 0;
    std::string mount_point;
};
// Who holds the lock; nothing where nobody does.
std::optional<Holder> lock_holder(const std::string& path);
// That of who holds the lock, or held it last; empty: nobody ever did.
std::string last_mount_point(const std::string& path);
// What the last holder complained of; empty: nothing.
std::string last_words(const std::string& path);

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
