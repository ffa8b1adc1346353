#include "roles/mount/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "lib/base/log.h"

namespace flexfs::mount {
namespace {

Result<void> await_verdict(int pipe, pid_t daemon) {
    std::string said;
    char piece[512];
    while (true) {
        const ssize_t size = ::read(pipe, piece, sizeof piece);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) break;
        said.append(piece, std::size_t(size));
    }
    ::close(pipe);
    if (said.starts_with('+')) return {};
    if (said.starts_with('-')) {
        ::waitpid(daemon, nullptr, 0);
        return explain(EIO, said.substr(1));
    }
    int status = 0;
    ::waitpid(daemon, &status, 0);
    return explain(EIO, WIFSIGNALED(status) ? std::string("the daemon died at its start: ") +
                                                  strsignal(WTERMSIG(status))
                                            : std::string("the daemon ended at its start"));
}

}  // namespace

void Readiness::tell(char verdict, const std::string& sentence) {
    if (pipe_ < 0) return;
    const std::string line = verdict + sentence;
    // Nobody reads it where the parent was killed; the daemon goes on.
    if (::write(pipe_, line.data(), line.size()) < 0) {}
    ::close(pipe_);
    pipe_ = -1;
}

void Readiness::ready(const std::string& status) {
    tell('+', "");
    notify_service_manager("READY=1\nSTATUS=" + status);
}

void Readiness::failed(const std::string& sentence) {
    tell('-', sentence);
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
    const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0) return;
    const auto length = socklen_t(offsetof(sockaddr_un, sun_path) + path.size());
    ::sendto(socket, state.data(), state.size(), MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&address), length);
    ::close(socket);
}

Result<Forked> go_to_background(const std::string& log_file) {
    int verdict[2];
    if (::pipe2(verdict, O_CLOEXEC) != 0) return fail_errno("starting the daemon");
    const pid_t daemon = ::fork();
    if (daemon < 0) return fail_errno("starting the daemon");
    if (daemon > 0) {
        ::close(verdict[1]);
        return Forked{false, {}, await_verdict(verdict[0], daemon)};
    }
    ::close(verdict[0]);
    ::setsid();
    ::signal(SIGHUP, SIG_IGN);
    if (::chdir("/") != 0) return fail_errno("folder /");
    const int nothing = ::open("/dev/null", O_RDONLY);
    const int log = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(log < 0 ? nothing : log, STDOUT_FILENO);
    ::dup2(log < 0 ? nothing : log, STDERR_FILENO);
    ::close(nothing);
    if (log >= 0) ::close(log);
    return Forked{true, Readiness(verdict[1]), {}};
}

void end_after(Duration patience) {
    std::thread([patience] {
        std::this_thread::sleep_for(patience);
        log::error("it did not end by itself, and is cut off");
        ::_exit(1);
    }).detach();
}

}  // namespace flexfs::mount
