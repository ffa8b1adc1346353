#include "lib/process/daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "lib/base/log.h"

namespace flexfs::process {

// Writes "+" or "-ERRNO SENTENCE" to the pipe.
void Readiness::report(const std::string& verdict) {
    if (!pipe_.valid()) return;
    // If the parent was killed, the pipe has no reader, and the daemon continues.
    if (::write(pipe_.get(), verdict.data(), verdict.size()) < 0) {}
    pipe_.close();
}

void Readiness::ready(const std::string& status) {
    report("+");
    notify_service_manager("READY=1\nSTATUS=" + status);
}

void Readiness::failed(const Error& why) {
    report(fmt::format("-{} {}", why.code, why.message()));
}

Result<void> await_verdict(const Descriptor& pipe) {
    std::string said;
    char piece[512];
    while (true) {
        const ssize_t size = ::read(pipe.get(), piece, sizeof piece);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) break;
        said.append(piece, std::size_t(size));
    }
    if (said.starts_with('+')) return {};
    int code = 0;
    const char* end = said.data() + said.size();
    if (said.starts_with('-')) {
        const auto [stop, problem] = std::from_chars(said.data() + 1, end, code);
        if (problem == std::errc() && code > 0 && stop != end)
            return explain(code, std::string(stop + 1, end));
    }
    return explain(EPIPE, "the daemon ended while it was starting");
}

bool has_service_manager() {
    const char* socket = std::getenv("NOTIFY_SOCKET");
    return socket && *socket;
}

void notify_service_manager(const std::string& state) {
    if (!has_service_manager()) return;
    const std::string_view path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (path[0] == '@') address.sun_path[0] = '\0';
    const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket.valid()) return;
    const auto length = socklen_t(offsetof(sockaddr_un, sun_path) + path.size());
    ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&address), length);
}

namespace {

constexpr Duration slow_start = std::chrono::seconds(2);

void explain_delay(const Descriptor& pipe, pid_t daemon, const WhySlow& why_slow) {
    pollfd verdict{.fd = pipe.get(), .events = POLLIN, .revents = 0};
    const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(slow_start);
    if (::poll(&verdict, 1, int(patience.count())) != 0) return;
    if (const std::string why = why_slow(daemon); !why.empty())
        fmt::print(stderr, "flexfs: {}\n", why);
}

Result<void> await_daemon(const Descriptor& pipe, pid_t daemon, const WhySlow& why_slow) {
    if (why_slow) explain_delay(pipe, daemon, why_slow);
    auto verdict = await_verdict(pipe);
    if (verdict) return verdict;
    int status = 0;
    ::waitpid(daemon, &status, 0);
    if (verdict.error().code == EPIPE && WIFSIGNALED(status))
        return explain(EOWNERDEAD, std::string("the daemon was killed while it was starting: ") +
                                       strsignal(WTERMSIG(status)));
    return verdict;
}

Result<void> become_daemon(const std::string& log_file) {
    ::setsid();
    ::signal(SIGHUP, SIG_IGN);
    if (::chdir("/") != 0) return fail_errno("cannot enter the folder /");
    const Descriptor nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const Descriptor log(::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    const int output = log.valid() ? log.get() : nothing.get();
    ::dup2(nothing.get(), STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    return {};
}

}  // namespace

Result<Forked> go_to_background(const std::string& log_file, const WhySlow& why_slow) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno("cannot start the daemon");
    Descriptor from(ends[0]), to(ends[1]);
    const pid_t daemon = ::fork();
    if (daemon < 0) return fail_errno("cannot start the daemon");
    if (daemon > 0) {
        to.close();
        return Forked{false, {}, await_daemon(from, daemon, why_slow)};
    }
    from.close();
    TRY(become_daemon(log_file));
    return Forked{true, Readiness(std::move(to)), {}};
}

void end_after(Duration patience) {
    std::thread([patience] {
        std::this_thread::sleep_for(patience);
        log::error("the process did not end in time; ending it now");
        ::_exit(1);
    }).detach();
}

}  // namespace flexfs::process
