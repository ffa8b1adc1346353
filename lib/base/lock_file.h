// A lock file: one process at a time, and a text by which others learn who that is.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "lib/base/descriptor.h"
#include "lib/base/result.h"

namespace flexfs {

// Held until destroyed or until the process ends, however it ends. The file stays behind: its first
// line is the holder's process id, the rest is the holder's text.
class LockFile {
public:
    // Makes the file if need be (mode 0600). EBUSY, with the holder's process id in the context,
    // where another process, or another LockFile of this one, has it; the errors of open(2).
    static Result<LockFile> take(const std::string& path, const std::string& text = {});
    // The lock that is held through a descriptor which an earlier image of this process left open.
    static LockFile adopt(Descriptor held) { return LockFile(std::move(held)); }
    LockFile() = default;

    // Replaces the text. A full disk is no error: the lock is what counts, the text helps people.
    Result<void> write(const std::string& text);
    int descriptor() const { return held_.get(); }

    // Who holds the lock file at `path`; nothing if nobody does, or there is no such file.
    struct Holder {
        pid_t pid = 0;  // 0: it has not written it yet
        std::string text;
    };
    static std::optional<Holder> holder(const std::string& path);

private:
    explicit LockFile(Descriptor held) : held_(std::move(held)) {}
    Descriptor held_;
};

}  // namespace flexfs
