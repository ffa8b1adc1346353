#include "lib/base/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "lib/base/format.h"

namespace flexfs {
namespace {

constexpr std::size_t text_bytes_max = 16 << 10;

LockFile::Holder read_holder(int fd) {
    std::string text(text_bytes_max, '\0');
    const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
    text.resize(got > 0 ? std::size_t(got) : 0);
    LockFile::Holder holder;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), holder.pid);
    const std::size_t rest = std::size_t(end - text.data()) + 1;  // after the newline
    if (problem == std::errc() && rest <= text.size()) holder.text = text.substr(rest);
    return holder;
}

std::unexpected<Error> cannot_open(const std::string& path) {
    const int code = errno;
    if (code == EACCES || code == EPERM)
        return explain(code, fmt::format("this user may not write the lock file {}; only the user "
                                         "who made it, and root, can use what it locks",
                                         path));
    return fail(code, "cannot open the lock file " + path);
}

}  // namespace

Result<LockFile> LockFile::take(const std::string& path, const std::string& text) {
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file.valid()) return cannot_open(path);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return fail_errno("cannot lock " + path);
        const pid_t pid = read_holder(file.get()).pid;
        return fail(EBUSY, fmt::format("{} is in use by process {}", path,
                                       pid > 0 ? std::to_string(pid) : "unknown"));
    }
    LockFile lock(std::move(file));
    TRY(lock.write(text));
    return lock;
}

Result<void> LockFile::write(const std::string& text) {
    const std::string all = fmt::format("{}\n{}", ::getpid(), text);
    // The new text is written over the old one before the file is cut to its length, so that a
    // concurrent reader always finds a process id.
    const ssize_t written = ::pwrite(held_.get(), all.data(), all.size(), 0);
    const bool full = written < 0 && (errno == ENOSPC || errno == EDQUOT);
    if ((written < 0 && !full) || ::ftruncate(held_.get(), full ? 0 : off_t(written)) != 0)
        return fail_errno("cannot write a lock file");
    return {};
}

std::optional<LockFile::Holder> LockFile::holder(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid() || ::flock(file.get(), LOCK_SH | LOCK_NB) == 0) return std::nullopt;
    return read_holder(file.get());
}

}  // namespace flexfs
