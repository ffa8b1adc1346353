// A server for tests that answers each connection as a script says, right or wrong.
#pragma once

#include <doctest/doctest.h>

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "lib/http/client.h"
#include "lib/loop/stream.h"
#include "lib/task/scope.h"
#include "lib/task/sync.h"

namespace flexfs::http {

class ScriptedServer;

// One connection, from the server's side.
struct Talk {
    ScriptedServer& server;
    std::unique_ptr<loop::Stream> stream;
    std::string unread = {};

    std::vector<std::byte> room = std::vector<std::byte>(64 << 10);

    // Returns 0 once the client has left.
    Task<std::size_t> read_into_room() {
        const auto got = co_await result(stream->read(room));
        co_return got ? *got : 0;
    }
    Task<bool> read_more() {
        const std::size_t got = co_await read_into_room();
        unread += as_text(ByteView(room.data(), got));
        co_return got > 0;
    }
    // Returns the head of the next request, with its empty line; "" if the client has left.
    Task<std::string> head() {
        while (!unread.contains("\r\n\r\n"))
            if (!co_await read_more()) co_return std::string();
        const std::size_t size = unread.find("\r\n\r\n") + 4;
        const std::string text = unread.substr(0, size);
        unread.erase(0, size);
        co_return text;
    }
    // Returns the next `size` bytes of a body, or what came of them.
    Task<std::string> body(std::size_t size) {
        while (unread.size() < size)
            if (!co_await read_more()) break;
        const std::string text = unread.substr(0, size);
        unread.erase(0, size);
        co_return text;
    }
    // Reads and drops; returns the number of bytes that came. A body that is longer is cut off.
    Task<std::size_t> skip(std::size_t size) {
        std::size_t got = std::min(size, unread.size());
        unread.erase(0, got);
        while (got < size) {
            const std::size_t more = co_await read_into_room();
            if (more == 0) break;
            got += more;
        }
        co_return got;
    }
    Task<void> say(std::string text) {
        std::vector<Buffer> pieces;
        pieces.push_back(Buffer::take(std::move(text)));
        co_await stream->write(std::move(pieces));
    }
    // Waits until the client closes the connection.
    Task<void> wait_for_end() {
        while (co_await read_more()) unread.clear();
    }
};

class ScriptedServer {
public:
    // Called for each connection, which is closed when it ends.
    using Script = Task<void> (*)(Talk& talk);

    ScriptedServer(Loop& on, Script script) : loop(on), script_(script) {
        listener_ = *loop::listen(loop, "127.0.0.1:0");
        scope_.start(accept());
    }
    std::string address() const { return listener_->address(); }
    std::string url(std::string path = "/") const { return "http://" + address() + path; }
    Task<void> close() {
        listener_->close();
        for (Talk* talk : talks_) talk->stream->close();
        co_await scope_.close();
    }

    Loop& loop;
    std::size_t connections = 0;
    std::size_t open = 0;  // connections
    std::size_t open_max = 0;
    std::size_t requests = 0;  // counted by the script
    std::string note;          // for the test
    task::Event asked;         // set by the script
    task::Event left;          // set when a connection has ended

private:
    Task<void> accept() {
        for (;;) scope_.start(serve(co_await listener_->accept()));
    }
    Task<void> serve(std::unique_ptr<loop::Stream> stream) {
        Talk talk{*this, std::move(stream)};
        const auto at = talks_.insert(talks_.end(), &talk);
        ++connections;
        open_max = std::max(open_max, ++open);
        static_cast<void>(co_await result(script_(talk)));
        talk.stream->close();
        talks_.erase(at);
        --open;
        left.set();
    }

    Script script_;
    std::unique_ptr<loop::Listener> listener_;
    std::list<Talk*> talks_;
    Scope scope_;
};

inline Timeouts short_timeouts() {
    using std::chrono::milliseconds;
    return {
        .connect = milliseconds(200), .first_byte = milliseconds(80), .stall = milliseconds(80)};
}

// A client and a server that follows the script.
struct Meeting {
    Loop loop;
    ScriptedServer server;
    Client client;

    explicit Meeting(ScriptedServer::Script script, ClientOptions options = {})
        : server(loop, script), client(loop, std::move(options)) {}
    ~Meeting() {
        CHECK(loop.run(client.close()));
        CHECK(loop.run(server.close()));
    }
    Result<Response> get(std::string path = "/") { return ask({.url = server.url(path)}); }
    Result<Response> ask(Request request) { return loop.run(client.send(std::move(request))); }
};

inline Request put(std::string url, std::vector<Buffer> body) {
    return {.method = "PUT", .url = std::move(url), .body = std::move(body)};
}

inline std::vector<Buffer> pieces(std::string text) {
    std::vector<Buffer> one;
    one.push_back(Buffer::take(std::move(text)));
    return one;
}

}  // namespace flexfs::http
