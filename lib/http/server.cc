#include "lib/http/server.h"

#include <algorithm>
#include <list>
#include <vector>

#include "lib/base/check.h"
#include "lib/base/format.h"
#include "lib/task/scope.h"
#include "lib/task/sync.h"

namespace flexfs::http {
namespace {

constexpr std::size_t read_bytes = 16 << 10;
// After a refusal, this much of a request is read and dropped: if a connection is closed while
// bytes are unread, the system may drop the response too.
constexpr std::size_t drained_bytes_max = 1 << 20;
constexpr Duration drain_time = std::chrono::seconds(2);

std::string head_of(const Response& response, bool keep) {
    std::string head =
        fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_of(response.status));
    for (const Header& header : response.headers)
        head += fmt::format("{}: {}\r\n", header.name, header.value);
    if (response.status >= 200 && response.status != 204 && response.status != 304)
        head += fmt::format("Content-Length: {}\r\n", response.body.size());
    head += keep ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
    return head;
}

}  // namespace

// One connection. Its waits for the client are limited by `deadline`, which the server looks at now
// and then.
struct Connection {
    Connection(std::unique_ptr<loop::Stream> of, const ServerLimits& limits)
        : stream(std::move(of)), parser(limits.header_bytes, limits.body_bytes) {}

    std::unique_ptr<loop::Stream> stream;
    RequestParser parser;
    std::string input;
    std::vector<std::byte> room = std::vector<std::byte>(read_bytes);
    Duration deadline = Duration::max();
    Duration active = monotonic_now();  // when it last had a request
    bool idle = true;                   // between requests
    bool late = false;                  // the deadline has passed
    Scope* reading = nullptr;

    // Reads some bytes. EPIPE at the end of the stream, ETIMEDOUT at the deadline.
    Task<void> read() {
        Result<std::size_t> got = fail(ECANCELED);
        Scope scope;
        scope.start(read_into(got));
        reading = &scope;
        const auto joined = co_await result(scope.join());
        reading = nullptr;
        co_await scope.close();
        co_await joined;
        if (late) co_await fail(ETIMEDOUT);
        co_await got;
        if (*got == 0) co_await fail(EPIPE);
        input += as_text(ByteView(room.data(), *got));
    }
    Task<void> read_into(Result<std::size_t>& got) { got = co_await result(stream->read(room)); }
    void cut_off() {
        late = true;
        if (reading) reading->cancel();
        else stream->close();
    }
};

struct Server::State {
    State(Loop& on, Handler by, ServerLimits within)
        : loop(on), handler(std::move(by)), limits(within) {}

    Task<void> accept();
    Task<void> look_for_overdue();
    Task<void> serve(std::unique_ptr<loop::Stream> stream);
    Task<void> talk(Connection& connection);
    Task<bool> receive(Connection& connection);
    Task<void> reply(Connection& connection, Response response, bool head_only, bool keep);
    Task<void> refuse(Connection& connection, unsigned status);
    void make_place();

    Loop& loop;
    const Handler handler;
    const ServerLimits limits;
    std::unique_ptr<loop::Listener> listener;
    std::list<Connection*> connections;
    task::Event some;  // connections
    Scope scope;
};

Task<void> Server::State::accept() {
    for (;;) {
        auto stream = co_await result(listener->accept());
        if (!stream && stream.error().code == ECANCELED) co_return;
        if (stream) scope.start(serve(std::move(*stream)));
        else co_await loop.sleep(std::chrono::milliseconds(100));  // too many descriptors are open
    }
}

Task<void> Server::State::look_for_overdue() {
    const Duration shortest = std::min({limits.head, limits.body, limits.reply, limits.idle});
    const Duration step =
        std::clamp<Duration>(shortest / 4, std::chrono::milliseconds(5), std::chrono::seconds(1));
    for (;;) {
        co_await some.wait();
        co_await loop.sleep(step);
        const Duration now = monotonic_now();
        for (Connection* connection : connections)
            if (now >= connection->deadline && !connection->late) connection->cut_off();
        if (connections.empty()) some.reset();
    }
}

// Cuts off the connection that had no request for longest; one that waits for its handler only if
// all do.
void Server::State::make_place() {
    if (connections.size() < limits.connections) return;
    const auto longest =
        std::ranges::min_element(connections, {}, [](const Connection* connection) {
            return std::pair(!connection->idle, connection->active);
        });
    (*longest)->stream->close();
    (*longest)->late = true;
    connections.erase(longest);
}

Task<void> Server::State::serve(std::unique_ptr<loop::Stream> stream) {
    make_place();
    Connection connection(std::move(stream), limits);
    connections.push_back(&connection);
    some.set();
    static_cast<void>(co_await result(talk(connection)));
    connection.stream->close();
    std::erase(connections, &connection);
}

Task<void> Server::State::talk(Connection& connection) {
    for (;;) {
        if (!co_await receive(connection)) co_return;
        connection.deadline = Duration::max();
        const bool keep = connection.parser.keeps_alive();
        ServerRequest request = connection.parser.take();
        const bool head_only = request.method == "HEAD";
        auto response = co_await result(handler(std::move(request)));
        if (!response && response.error().code == ECANCELED) co_await fail(ECANCELED);
        if (!response) response = plain(500, "the request could not be executed");
        co_await reply(connection, std::move(*response), head_only, keep);
        connection.active = monotonic_now();
        if (!keep) co_return;
    }
}

// Reads until a request is complete. Returns false if there is none, and the client has an answer
// if it needs one.
Task<bool> Server::State::receive(Connection& connection) {
    RequestParser& parser = connection.parser;
    connection.idle = connection.input.empty();
    connection.deadline = monotonic_now() + (connection.idle ? limits.idle : limits.head);
    bool has_head = false;
    for (;;) {
        const auto complete = parser.parse(connection.input);
        if (!complete) {
            co_await refuse(connection, complete.error());
            co_return false;
        }
        if (*complete) co_return true;
        if (parser.has_head() && !has_head) {
            has_head = true;
            connection.deadline = monotonic_now() + limits.body;
        }
        if (parser.awaits_continue()) {
            std::vector<Buffer> answer;
            answer.push_back(Buffer::copy_of("HTTP/1.1 100 Continue\r\n\r\n"));
            co_await connection.stream->write(std::move(answer));
        }
        const auto got = co_await result(connection.read());
        if (!got && got.error().code == ETIMEDOUT && !connection.idle)
            co_await refuse(connection, 408);
        if (!got) co_return false;
        if (!connection.idle) continue;
        connection.idle = false;
        connection.deadline = monotonic_now() + limits.head;
    }
}

Task<void> Server::State::reply(Connection& connection, Response response, bool head_only,
                                bool keep) {
    std::vector<Buffer> pieces;
    pieces.push_back(Buffer::take(head_of(response, keep)));
    if (!head_only) pieces.push_back(response.body);
    connection.deadline = monotonic_now() + limits.reply;
    co_await connection.stream->write(std::move(pieces));
}

Task<void> Server::State::refuse(Connection& connection, unsigned status) {
    connection.late = false;
    co_await reply(connection, plain(status, reason_of(status)), false, false);
    connection.deadline = monotonic_now() + drain_time;
    for (std::size_t dropped = 0; dropped < drained_bytes_max;) {
        connection.input.clear();
        co_await connection.read();
        dropped += connection.input.size();
    }
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {
    state_->scope.start(state_->accept());
    state_->scope.start(state_->look_for_overdue());
}

Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::listen(Loop& loop, const std::string& address,
                                               Handler handler, ServerLimits limits) {
    auto state = std::make_unique<State>(loop, std::move(handler), limits);
    TRY(state->listener, loop::listen(loop, address));
    return std::unique_ptr<Server>(new Server(std::move(state)));
}

std::string Server::address() const {
    return state_->listener->address();
}

std::size_t Server::connections() const {
    return state_->connections.size();
}

Task<void> Server::close() {
    state_->listener->close();
    co_await state_->scope.close();
}

Response plain(unsigned status, std::string text) {
    return {.status = status,
            .headers = {{"Content-Type", "text/plain; charset=utf-8"}},
            .body = Buffer::take(std::move(text) + "\n")};
}

void Routes::add(std::string method, std::string path, Handler handler) {
    rows_.push_back({std::move(method), std::move(path), std::move(handler)});
}

Task<Response> Routes::answer(ServerRequest request) const {
    const std::string method = request.method == "HEAD" ? "GET" : request.method;
    std::string allowed;
    for (const Row& row : rows_) {
        if (row.path != request.path()) continue;
        if (row.method == method) co_return co_await row.handler(std::move(request));
        allowed += (allowed.empty() ? "" : ", ") + row.method;
        if (row.method == "GET") allowed += ", HEAD";
    }
    Response response = allowed.empty() ? plain(404, "there is no such page")
                                        : plain(405, "the page does not have this method");
    if (!allowed.empty()) response.headers.add("Allow", allowed);
    co_return response;
}

}  // namespace flexfs::http
