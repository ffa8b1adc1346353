#include "lib/loop/stream.h"

#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <optional>

#include "lib/base/check.h"
#include "lib/base/format.h"
#include "lib/base/text.h"
#include "lib/loop/pool.h"
#include "lib/task/wait.h"

namespace flexfs::loop {
namespace {

constexpr int backlog = 128;
constexpr int peer_lost_s = 20;  // as long as a session's lease
constexpr std::size_t unix_path_max = sizeof(sockaddr_un::sun_path) - 1;

// libuv's codes are negated errno values, except those of name resolution.
std::unexpected<Error> uv_fail(int status, std::string context) {
    if (status <= UV_EAI_ADDRFAMILY && status >= UV_EAI_PROTOCOL)
        return fail(EHOSTUNREACH, context + ": " + uv_strerror(status));
    return fail(-status, std::move(context));
}

struct Address {
    std::string path;  // of a unix socket; empty for TCP
    std::string host;
    std::string port;
};

Result<Address> parse(const std::string& text) {
    if (text.starts_with("unix:")) {
        Address address{.path = text.substr(5)};
        if (address.path.empty()) return fail(EINVAL, fmt::format("\"{}\" has no path", text));
        if (address.path.size() > unix_path_max)
            return fail(ENAMETOOLONG, fmt::format("the path of a socket has at most {} bytes: {}",
                                                  unix_path_max, address.path));
        return address;
    }
    const auto wrong = [&text] {
        return fail(EINVAL, fmt::format("\"{}\" is not an address; write \"host:port\", "
                                        "\"[::1]:port\" or \"unix:/path\"",
                                        text));
    };
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0) return wrong();
    Address address{.host = text.substr(0, colon), .port = text.substr(colon + 1)};
    const bool bracketed = address.host.starts_with('[') && address.host.ends_with(']');
    if (bracketed) address.host = address.host.substr(1, address.host.size() - 2);
    if (!bracketed && address.host.contains(':')) return wrong();
    const auto port = parse_number(address.port);
    if (address.host.empty() || !port || *port > 65535) return wrong();
    return address;
}

// The libuv handle of a socket. It must stay at its address until libuv has released it, so it is
// allocated separately and freed in the close callback.
union Socket {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};
struct SocketCloser {
    void operator()(Socket* socket) const {
        socket->handle.data = nullptr;
        uv_close(&socket->handle,
                 [](uv_handle_t* closed) { delete reinterpret_cast<Socket*>(closed); });
    }
};
using SocketPtr = std::unique_ptr<Socket, SocketCloser>;

SocketPtr make_pipe_socket(uv_loop_t* uv) {
    SocketPtr socket(new Socket);
    check(uv_pipe_init(uv, &socket->pipe, 0) == 0);
    return socket;
}

Result<SocketPtr> make_tcp_socket(uv_loop_t* uv, int family) {
    auto* socket = new Socket;
    const int status = uv_tcp_init_ex(uv, &socket->tcp, unsigned(family));
    if (status == 0) return SocketPtr(socket);
    delete socket;
    return uv_fail(status, "socket");
}

// Sends small messages at once, and detects within peer_lost_s that a peer's machine is gone.
void tune(uv_tcp_t& tcp) {
    uv_tcp_nodelay(&tcp, 1);
    uv_os_fd_t fd = -1;
    if (uv_fileno(reinterpret_cast<uv_handle_t*>(&tcp), &fd) != 0) return;
    const auto set = [fd](int level, int option, int value) {
        setsockopt(fd, level, option, &value, sizeof value);
    };
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, peer_lost_s / 2);
    set(IPPROTO_TCP, TCP_KEEPINTVL, peer_lost_s / 4);
    set(IPPROTO_TCP, TCP_KEEPCNT, 2);
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, peer_lost_s * 1000);
}

class SocketStream final : public Stream {
public:
    explicit SocketStream(SocketPtr socket) : socket_(std::move(socket)) {
        // libuv writes without MSG_NOSIGNAL; a closed peer must give EPIPE instead of killing the
        // process.
        static std::once_flag once;
        std::call_once(once, [] { ::signal(SIGPIPE, SIG_IGN); });
        socket_->handle.data = this;
        if (socket_->handle.type == UV_TCP) tune(socket_->tcp);
    }
    ~SocketStream() override { close(); }

    Task<std::size_t> read(MutableBytes into) override;
    Task<void> write(std::vector<Buffer> pieces) override;
    void close() override {
        socket_.reset();
        readers_.wake_all(ECANCELED);
    }

private:
    struct Writing;

    static void on_room_wanted(uv_handle_t* handle, std::size_t, uv_buf_t* room);
    static void on_read(uv_stream_t* stream, ssize_t got, const uv_buf_t*);

    SocketPtr socket_;
    task::WaitList readers_;
    MutableBytes wanted_;  // the reader's buffer, while one waits
    std::size_t got_ = 0;  // bytes read for the woken reader
    int end_ = 0;          // libuv's code for the end of the stream, or 0
    bool reading_ = false;
};

// Watching the socket continues from one read to the next, which saves system calls. If bytes
// arrive while no reader waits, on_read() stops watching until the next read.
void SocketStream::on_room_wanted(uv_handle_t* handle, std::size_t, uv_buf_t* room) {
    auto* self = static_cast<SocketStream*>(handle->data);
    const MutableBytes bytes = self ? self->wanted_ : MutableBytes();
    *room = uv_buf_init(reinterpret_cast<char*>(bytes.data()), unsigned(bytes.size()));
}

void SocketStream::on_read(uv_stream_t* stream, ssize_t got, const uv_buf_t*) {
    auto* self = static_cast<SocketStream*>(stream->data);
    if (!self || got == 0) return;  // 0: no data was available after all
    if (got < 0) {
        uv_read_stop(stream);
        self->reading_ = false;
        if (got == UV_ENOBUFS) return;
        self->end_ = int(got);  // may be set before a reader has taken the last bytes
    } else {
        self->got_ = std::size_t(got);
    }
    self->wanted_ = {};
    self->readers_.wake_all();
}

Task<std::size_t> SocketStream::read(MutableBytes into) {
    if (!socket_) co_return fail(ECANCELED);
    check(wanted_.empty() && !into.empty());
    if (end_ == 0) {
        wanted_ = into.first(std::min<std::size_t>(into.size(), 1 << 30));
        if (!reading_) {
            const int status = uv_read_start(&socket_->stream, on_room_wanted, on_read);
            if (status < 0) {
                wanted_ = {};
                co_return uv_fail(status, "read");
            }
            reading_ = true;
        }
        auto woken = co_await result(readers_.wait());
        wanted_ = {};
        co_await std::move(woken);
    }
    if (got_ == 0 && end_ != UV_EOF) co_return uv_fail(end_, "read");
    co_return std::exchange(got_, 0);
}

// The memory that libuv needs until it has written, even if the writer has stopped waiting.
struct SocketStream::Writing {
    uv_write_t request;
    std::vector<Buffer> pieces;
    std::vector<uv_buf_t> left;
    task::WaitList waiting;
    int status = 0;
    bool done = false;
    std::shared_ptr<Writing> self;  // while libuv has it

    static void on_written(uv_write_t* request, int status) {
        auto writing = std::move(static_cast<Writing*>(request->data)->self);
        writing->status = status;
        writing->done = true;
        writing->waiting.wake_all();
    }
    // Removes the first `bytes` from what is left to write.
    void skip(std::size_t bytes) {
        auto first = left.begin();
        while (first != left.end() && bytes >= first->len) bytes -= (first++)->len;
        left.erase(left.begin(), first);
        if (bytes == 0) return;
        left.front().base += bytes;
        left.front().len -= bytes;
    }
};

Task<void> SocketStream::write(std::vector<Buffer> pieces) {
    if (!socket_) co_await fail(ECANCELED);
    auto writing = std::make_shared<Writing>();
    for (const Buffer& piece : pieces) {
        auto* base = const_cast<char*>(piece.text().data());
        if (!piece.empty()) writing->left.push_back(uv_buf_init(base, unsigned(piece.size())));
    }
    writing->pieces = std::move(pieces);
    // Most writes fit into the socket's buffer and need no wait.
    while (!writing->left.empty()) {
        const int wrote =
            uv_try_write(&socket_->stream, writing->left.data(), unsigned(writing->left.size()));
        if (wrote == UV_EAGAIN) break;
        if (wrote < 0) co_await uv_fail(wrote, "write");
        writing->skip(std::size_t(wrote));
    }
    if (writing->left.empty()) co_return;
    writing->request.data = writing.get();
    const int status = uv_write(&writing->request, &socket_->stream, writing->left.data(),
                                unsigned(writing->left.size()), Writing::on_written);
    if (status < 0) co_await uv_fail(status, "write");
    writing->self = writing;
    while (!writing->done) co_await writing->waiting.wait();
    if (writing->status < 0) co_await uv_fail(writing->status, "write");
}

class SocketListener final : public Listener {
public:
    SocketListener(Loop& loop, SocketPtr socket, std::string address)
        : loop_(loop), socket_(std::move(socket)), address_(std::move(address)) {
        socket_->handle.data = this;
    }
    ~SocketListener() override { close(); }

    Result<void> start() {
        const auto on_connection = [](uv_stream_t* stream, int status) {
            auto* self = static_cast<SocketListener*>(stream->data);
            if (!self) return;
            self->arrived_ = status;
            self->acceptors_.wake_one();
        };
        const int status = uv_listen(&socket_->stream, backlog, on_connection);
        if (status < 0) return uv_fail(status, "listen on " + address_);
        return {};
    }
    // libuv accepts one connection in advance and takes no other from the system until that one is
    // accepted here.
    Task<std::unique_ptr<Stream>> accept() override {
        while (socket_ && !arrived_) co_await acceptors_.wait();
        if (!socket_) co_return fail(ECANCELED);
        const int status = *std::exchange(arrived_, std::nullopt);
        if (status < 0) co_return uv_fail(status, "accept on " + address_);
        SocketPtr accepted;
        if (socket_->handle.type != UV_TCP) accepted = make_pipe_socket(loop_.uv());
        else accepted = co_await make_tcp_socket(loop_.uv(), AF_UNSPEC);
        const int taken = uv_accept(&socket_->stream, &accepted->stream);
        if (taken < 0) co_return uv_fail(taken, "accept on " + address_);
        co_return std::unique_ptr<Stream>(new SocketStream(std::move(accepted)));
    }
    void close() override {
        socket_.reset();
        acceptors_.wake_all(ECANCELED);
    }
    std::string address() const override { return address_; }

private:
    Loop& loop_;
    SocketPtr socket_;
    std::string address_;
    std::optional<int> arrived_;  // a connection or an error that no acceptor has taken yet
    task::WaitList acceptors_;
};

// A request to libuv whose wait may be given up; it exists until libuv has answered.
template <class Request>
struct Asking {
    Request request;
    task::WaitList waiting;
    int status = 0;
    bool done = false;
    std::shared_ptr<Asking> self;  // while libuv has it

    static void answered(Request* request, int status) {
        auto asking = std::move(static_cast<Asking*>(request->data)->self);
        asking->status = status;
        asking->done = true;
        asking->waiting.wake_all();
    }
    static std::shared_ptr<Asking> make() {
        auto asking = std::make_shared<Asking>();
        asking->request.data = asking.get();
        asking->self = asking;
        return asking;
    }
};

struct FreeAddresses {
    void operator()(addrinfo* list) const { uv_freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;
constexpr addrinfo lookup_hints{.ai_flags = AI_ADDRCONFIG, .ai_socktype = SOCK_STREAM};

Task<Addresses> resolve(Loop& loop, Address address) {
    using Lookup = Asking<uv_getaddrinfo_t>;
    auto lookup = Lookup::make();
    const auto on_found = [](uv_getaddrinfo_t* request, int status, addrinfo* found) {
        auto* asking = static_cast<Lookup*>(request->data);
        if (asking->waiting.empty()) uv_freeaddrinfo(found);  // the waiting task has given up
        Lookup::answered(request, status);
    };
    const int status = [&] {
        const PoolStart start(loop);
        return uv_getaddrinfo(loop.uv(), &lookup->request, on_found, address.host.c_str(),
                              address.port.c_str(), &lookup_hints);
    }();
    if (status < 0) {
        lookup->self.reset();
        co_return uv_fail(status, "look up " + address.host);
    }
    auto woken = co_await result(lookup->waiting.wait());
    if (!woken) {
        uv_cancel(reinterpret_cast<uv_req_t*>(&lookup->request));
        co_return fail(std::move(woken.error()));
    }
    if (lookup->status < 0) co_return uv_fail(lookup->status, "look up " + address.host);
    co_return Addresses(lookup->request.addrinfo);
}

Task<std::unique_ptr<Stream>> finish_connect(SocketPtr socket,
                                             std::shared_ptr<Asking<uv_connect_t>> asking,
                                             std::string context) {
    auto woken = co_await result(asking->waiting.wait());
    if (!woken) co_return fail(std::move(woken.error()));  // closing the socket ends the request
    if (asking->status < 0) co_return uv_fail(asking->status, std::move(context));
    co_return std::unique_ptr<Stream>(new SocketStream(std::move(socket)));
}

Task<std::unique_ptr<Stream>> connect_pipe(Loop& loop, std::string path) {
    auto asking = Asking<uv_connect_t>::make();
    SocketPtr socket = make_pipe_socket(loop.uv());
    uv_pipe_connect(&asking->request, &socket->pipe, path.c_str(), Asking<uv_connect_t>::answered);
    co_return co_await finish_connect(std::move(socket), std::move(asking),
                                      "connect to unix:" + path);
}

Task<std::unique_ptr<Stream>> connect_tcp(Loop& loop, addrinfo* to, std::string context) {
    SocketPtr socket = co_await make_tcp_socket(loop.uv(), to->ai_family);
    tune(socket->tcp);  // before connecting, so that the time limit applies to that, too
    auto asking = Asking<uv_connect_t>::make();
    const int status =
        uv_tcp_connect(&asking->request, &socket->tcp, to->ai_addr, Asking<uv_connect_t>::answered);
    if (status < 0) {
        asking->self.reset();
        co_return uv_fail(status, std::move(context));
    }
    co_return co_await finish_connect(std::move(socket), std::move(asking), std::move(context));
}

// Removes the file of a socket that no process listens on; a killed process left it.
Result<void> remove_stale(const std::string& path) {
    struct stat info;
    if (::lstat(path.c_str(), &info) != 0) return {};
    if (!S_ISSOCK(info.st_mode)) return fail(EADDRINUSE, path + " exists and is not a socket");
    sockaddr_un name{.sun_family = AF_UNIX};
    std::ranges::copy(path, name.sun_path);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail_errno("socket");
    const bool refused = ::connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0 &&
                         errno == ECONNREFUSED;
    ::close(fd);
    if (!refused) return fail(EADDRINUSE, "another process listens on " + path);
    if (::unlink(path.c_str()) != 0) return fail_errno("remove " + path);
    return {};
}

Result<std::unique_ptr<Listener>> listen_pipe(Loop& loop, const std::string& path) {
    TRY(remove_stale(path));
    SocketPtr socket = make_pipe_socket(loop.uv());
    const int status = uv_pipe_bind(&socket->pipe, path.c_str());
    if (status < 0) return uv_fail(status, "bind " + path);
    // No client can connect before listen().
    if (::chmod(path.c_str(), 0600) != 0) return fail_errno("chmod " + path);
    auto listener = std::make_unique<SocketListener>(loop, std::move(socket), "unix:" + path);
    TRY(listener->start());
    return listener;
}

// Also returns the error of the bind, which libuv reports late.
Result<std::string> bound_address(const uv_tcp_t& tcp, const std::string& context) {
    sockaddr_storage name{};
    int size = sizeof name;
    const int status = uv_tcp_getsockname(&tcp, reinterpret_cast<sockaddr*>(&name), &size);
    if (status < 0) return uv_fail(status, context);
    char host[INET6_ADDRSTRLEN] = {};
    if (name.ss_family == AF_INET6) {
        const auto& six = reinterpret_cast<const sockaddr_in6&>(name);
        uv_ip6_name(&six, host, sizeof host);
        return fmt::format("[{}]:{}", host, ntohs(six.sin6_port));
    }
    const auto& four = reinterpret_cast<const sockaddr_in&>(name);
    uv_ip4_name(&four, host, sizeof host);
    return fmt::format("{}:{}", host, ntohs(four.sin_port));
}

Result<std::unique_ptr<Listener>> listen_tcp(Loop& loop, const Address& address) {
    const std::string context = fmt::format("listen on {}:{}", address.host, address.port);
    uv_getaddrinfo_t lookup;
    const int found = uv_getaddrinfo(loop.uv(), &lookup, nullptr, address.host.c_str(),
                                     address.port.c_str(), &lookup_hints);
    if (found < 0) return uv_fail(found, context);
    const Addresses addresses(lookup.addrinfo);
    TRY(SocketPtr socket, make_tcp_socket(loop.uv(), addresses->ai_family));
    const int status = uv_tcp_bind(&socket->tcp, addresses->ai_addr, 0);
    if (status < 0) return uv_fail(status, context);
    TRY(std::string name, bound_address(socket->tcp, context));
    auto listener = std::make_unique<SocketListener>(loop, std::move(socket), std::move(name));
    TRY(listener->start());
    return listener;
}

}  // namespace

Task<std::unique_ptr<Stream>> connect(Loop& loop, std::string address) {
    const Address to = co_await parse(address);
    if (!to.path.empty()) co_return co_await connect_pipe(loop, to.path);
    const Addresses addresses = co_await resolve(loop, to);
    Result<std::unique_ptr<Stream>> outcome = fail(EHOSTUNREACH, "connect to " + address);
    for (addrinfo* next = addresses.get(); next && !outcome; next = next->ai_next) {
        outcome = co_await result(connect_tcp(loop, next, "connect to " + address));
        if (!outcome && outcome.error().code == ECANCELED) break;
    }
    co_return std::move(outcome);
}

Result<std::unique_ptr<Listener>> listen(Loop& loop, const std::string& address) {
    TRY(const Address at, parse(address));
    return at.path.empty() ? listen_tcp(loop, at) : listen_pipe(loop, at.path);
}

}  // namespace flexfs::loop
