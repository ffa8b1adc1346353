// The serving end of connections: listening, and each client from its hello to its end. Knows bytes
// only; Server gives them types.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/loop/loop.h"
#include "lib/rpc/packet.h"
#include "lib/rpc/rpc.h"
#include "lib/task/scope.h"
#include "lib/task/sync.h"

namespace flexfs::rpc {

// Answers what one client sends.
class Responder {
public:
    virtual ~Responder() = default;
    // As HandlerOf::admitted().
    virtual bool admitted() const = 0;
    // The whole reply frame. Never fails: an error is in the frame.
    virtual Task<Buffer> answer(Context context, Header request, Buffer message) = 0;
};

// What a responder may do to its client.
class Connection {
public:
    virtual ~Connection() = default;
    // Sends a push; a client that does not read is disconnected.
    virtual void push(Buffer frame) = 0;
    // Ends the connection; requests that run are stopped, and their replies are lost.
    virtual void disconnect(std::string why) = 0;
};

// What the clients of one server may take of it. A client that asks for more waits or is
// disconnected; others do not notice.
struct Limits {
    std::size_t connections = 4096;                // at a time; a further one is closed at once
    std::size_t connection_bytes = 64 << 20;       // of requests under way; then it is not read
    std::size_t large_bytes = 256 << 20;           // of requests above small_bytes, of all clients
    std::size_t requests = 64 << 10;               // under way, of all clients: see share()
    Duration admission = std::chrono::seconds(5);  // until the client has shown who it is
    Duration payload = std::chrono::seconds(60);   // for all of a large request, once it has room

    // Requests that a client may have under way even when `requests` are.
    std::size_t share() const { return std::max<std::size_t>(requests / connections, 1); }
};
inline constexpr std::size_t small_bytes = 64 << 10;

class Acceptor {
public:
    Acceptor(Loop& loop, std::string_view protocol, Limits limits)
        : loop_(loop), protocol_(protocol), limits_(limits), large_(limits.large_bytes) {}
    virtual ~Acceptor();

    // Serves clients at `address` as well, from now on. EADDRINUSE, EACCES, EINVAL, …
    Result<void> listen(const std::string& address);
    // Where clients can connect to, one per listen().
    std::vector<std::string> addresses() const;
    std::size_t connections() const { return connections_; }
    // Nothing is served any more: every handler's task is stopped and has ended.
    Task<void> close();

private:
    class Peer;

    // A client has introduced itself.
    virtual std::unique_ptr<Responder> connected(Connection& connection) = 0;
    Task<void> accept(loop::Listener& listener);
    Task<void> serve(std::unique_ptr<loop::Stream> stream);

    Loop& loop_;
    std::string_view protocol_;
    Limits limits_;
    task::Semaphore large_;     // bytes
    std::size_t requests_ = 0;  // under way
    task::WaitList fewer_;      // for less of them
    std::vector<std::unique_ptr<loop::Listener>> listeners_;
    std::size_t connections_ = 0;
    Scope scope_;
};

}  // namespace flexfs::rpc
