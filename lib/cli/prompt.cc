#include "lib/cli/prompt.h"

#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/format.h"

namespace flexfs::cli {
namespace {

// A longer line is not an answer to a question.
constexpr std::size_t answer_bytes_max = 64 << 10;

// Switches the terminal's echo off until its end.
class Silence {
public:
    explicit Silence(bool wanted) {
        if (!wanted || ::tcgetattr(STDIN_FILENO, &before_) != 0) return;
        termios silent = before_;
        silent.c_lflag &= ~tcflag_t(ECHO);
        active_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
    }
    ~Silence() {
        if (!active_) return;
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
        fmt::print(stderr, "\n");
    }
    Silence(const Silence&) = delete;
    Silence& operator=(const Silence&) = delete;

private:
    termios before_{};
    bool active_ = false;
};

}  // namespace

// Reads byte by byte, so that the rest of the input stays for the next question.
Result<std::string> ask(const std::string& question, Echo echo) {
    const bool terminal = ::isatty(STDIN_FILENO);
    if (terminal) fmt::print(stderr, "{}: ", question);
    const Silence silence(terminal && echo == Echo::hidden);
    std::string line;
    while (line.size() < answer_bytes_max) {
        char byte = 0;
        const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
        if (got < 0) return fail_errno("cannot read the answer");
        if (got == 0 && line.empty()) return fail(ENODATA, "the input ended before " + question);
        if (got == 0 || byte == '\n') break;
        line += byte;
    }
    if (line.ends_with('\r')) line.pop_back();
    return line;
}

}  // namespace flexfs::cli
