#include "lib/process/image.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "lib/base/format.h"

namespace flexfs::process {
namespace {

constexpr int answer_patience_ms = 20'000;
constexpr std::size_t answer_bytes_max = 4096;

std::vector<char*> pointers(std::span<const std::string> arguments) {
    std::vector<char*> all;
    for (const std::string& argument : arguments)
        all.push_back(const_cast<char*>(argument.c_str()));
    all.push_back(nullptr);
    return all;
}

// Starts the program; its output goes to `output`.
Result<pid_t> start(const std::string& path, std::span<const std::string> arguments, int inherited,
                    int output) {
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    // A descriptor that is duplicated onto itself stays open.
    ::posix_spawn_file_actions_adddup2(&actions, inherited, inherited);
    pid_t child = 0;
    const int code =
        ::posix_spawn(&child, path.c_str(), &actions, nullptr, pointers(arguments).data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (code != 0) return fail(code, path);
    return child;
}

// Returns the child's wait status. ETIMEDOUT: it did not end in time, and was killed.
Result<int> await(pid_t child, const std::string& path) {
    // The C library's own function has no C linkage in glibc 2.36.
    const Descriptor process(int(::syscall(SYS_pidfd_open, child, 0)));
    pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
    const bool late = process.valid() && ::poll(&ended, 1, answer_patience_ms) == 0;
    if (late) ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (late) return explain(ETIMEDOUT, path + " does not answer");
    return status;
}

std::string first_line(const std::string& text) {
    const std::string line = text.substr(0, text.find('\n'));
    const std::string_view name = "flexfs: ";
    return line.starts_with(name) ? line.substr(name.size()) : line;
}

Result<std::string> ask(const std::string& path, std::span<const std::string> arguments,
                        int inherited, int output) {
    TRY(const pid_t child, start(path, arguments, inherited, output));
    TRY(const int status, await(child, path));
    std::string said(answer_bytes_max, '\0');
    const ssize_t size = ::pread(output, said.data(), said.size(), 0);
    said.resize(size > 0 ? std::size_t(size) : 0);
    if (WIFSIGNALED(status))
        return explain(EIO, fmt::format("{} was killed: {}", path, ::strsignal(WTERMSIG(status))));
    if (WEXITSTATUS(status) == 0) return said;
    if (said.empty())
        return explain(EIO, fmt::format("{} ended with exit code {}", path, WEXITSTATUS(status)));
    return explain(EIO, fmt::format("{}: {}", path, first_line(said)));
}

}  // namespace

std::string program_path() {
    const char* called = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
    std::error_code problem;
    const auto path = std::filesystem::absolute(called ? called : "/proc/self/exe", problem);
    return problem ? called : path.lexically_normal().string();
}

Result<Descriptor> open_own_program() {
    Descriptor program(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    if (!program.valid()) return fail_errno("cannot open the program of this process");
    return program;
}

std::string path_of(int program) {
    return fmt::format("/proc/self/fd/{}", program);
}

Result<std::string> ask_program(const std::string& path, std::span<const std::string> arguments,
                                int inherited) {
    const Descriptor output(::memfd_create("flexfs-answer", MFD_CLOEXEC));
    if (!output.valid()) return fail_errno("cannot reserve memory for an answer");
    return ask(path, arguments, inherited, output.get());
}

void keep_open(int descriptor, bool keep) {
    ::fcntl(descriptor, F_SETFD, keep ? 0 : FD_CLOEXEC);
}

void hold_signals(bool hold) {
    sigset_t held;
    sigemptyset(&held);
    for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP}) sigaddset(&held, signal);
    ::pthread_sigmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &held, nullptr);
}

Error become(const std::string& path, std::span<const std::string> arguments,
             std::span<const int> kept) {
    for (const int descriptor : kept) keep_open(descriptor, true);
    hold_signals(true);
    ::execve(path.c_str(), pointers(arguments).data(), environ);
    const int code = errno;
    hold_signals(false);
    for (const int descriptor : kept) keep_open(descriptor, false);
    return {code, path};
}

}  // namespace flexfs::process
