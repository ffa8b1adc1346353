// A lock file admits one process at a time, and holds a text that tells others which one.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "lib/base/descriptor.h"
#include "lib/base/result.h"

namespace flexfs {

// The lock is held until this object is destroyed or the process ends, however it ends. The file
// stays behind: its first line is the holder's process id, the rest is the holder's text.
class LockFile {
public:
    // Takes the lock, and makes the file if it does not exist (mode 0600). EBUSY, with the holder's
    // process id in the context, if another process, or another LockFile of this one, holds it; the
    // errors of open(2).
    static Result<LockFile> take(const std::string& path, const std::string& text = {});
    // Takes over the lock that an earlier image of this process holds through an open descriptor.
    static LockFile adopt(Descriptor held) { return LockFile(std::move(held)); }
    LockFile() = default;

    // Replaces the text. A full disk is no error: the lock is what counts, the text only informs
    // people.
    Result<void> write(const std::string& text);
    int descriptor() const { return held_.get(); }

    // Returns the holder of the lock file at `path`, or nothing if nobody holds it or it does not
    // exist.
    struct Holder {
        pid_t pid = 0;  // 0: not written yet
        std::string text;
    };
    static std::optional<Holder> holder(const std::string& path);

private:
    explicit LockFile(Descriptor held) : held_(std::move(held)) {}
    Descriptor held_;
};

}  // namespace flexfs
