// The access log: one line for each answered request of the kernel. Lines wait in a bounded buffer
// for the pool, which writes them. If the disk is too slow, lines are dropped and counted: a
// request never waits for the log.
//
//     2026-12-01T16:53:28.123456Z write ino=7 fh=4 offset=0 size=4096 uid=0 pid=99 = 4096 35us
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "lib/base/descriptor.h"
#include "lib/base/time.h"
#include "lib/fuse/answer.h"
#include "lib/fuse/request.h"
#include "lib/loop/loop.h"
#include "lib/task/scope.h"

namespace flexfs::fuse {

// Returns the request's arguments, such as "ino=1 name=a\040b", without its data.
std::string describe(const Request& request);
// Returns the outcome of a request: the name of an errno, the number of bytes read or written, or
// "OK".
std::string describe(std::uint32_t opcode, const Result<Answer>& outcome);

class AccessLog {
public:
    static constexpr std::size_t buffer_bytes_max = 4 << 20;

    // Appends to the file at `path`, which open() creates. The loop must outlive it.
    AccessLog(Loop& loop, std::string path, std::size_t bytes_max = buffer_bytes_max)
        : loop_(loop), path_(std::move(path)), bytes_max_(bytes_max) {}

    // Opens the file, with access for its owner only if it is new, and starts to write. EACCES,
    // ENOENT, … from open(2).
    Result<void> open();
    // Opens the file again after it was moved away, with the next lines.
    void reopen();

    struct Line {
        std::string_view operation;
        std::string arguments;
        std::uint32_t uid = 0, pid = 0;
        std::string outcome;
        Duration took{};
    };
    // `now` is the wall clock.
    void add(const Line& line, Time now);
    // Waits until the lines so far are written, but not longer than `patience`.
    Task<void> flush(Duration patience);
    // Writes what is left and closes the file.
    Task<void> close();

    // Counts the lines that were dropped.
    std::uint64_t dropped() const { return dropped_; }

private:
    Task<void> write_lines();
    Result<int> write_out(std::string_view lines, bool reopen);

    Loop& loop_;
    std::string path_;
    std::size_t bytes_max_;
    Descriptor file_;  // used by the pool while writing_
    std::string lines_;
    bool reopens_ = false;
    bool writing_ = false;
    bool closing_ = false;
    std::uint64_t dropped_ = 0, dropped_logged_ = 0;
    Duration next_complaint_{};
    task::WaitList came_;
    Scope scope_;
};

}  // namespace flexfs::fuse
