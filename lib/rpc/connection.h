// The serving end of connections: accepts clients and serves each from its hello to its end. It
// handles bytes only; Server adds the types.
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

// Answers the requests of one client.
class Responder {
public:
    virtual ~Responder() = default;
    // See HandlerOf::admitted().
    virtual bool admitted() const = 0;
    // Returns the whole reply frame. Never fails: errors are sent in the frame.
    virtual Task<Buffer> answer(Context context, Header request, Buffer message) = 0;
};

// The connection to one client, as its responder sees it.
class Connection {
public:
    virtual ~Connection() = default;
    // Sends a push. A client that does not read its pushes is disconnected.
    virtual void push(Buffer frame) = 0;
    // Ends the connection. Running requests are stopped and their replies are lost.
    virtual void disconnect(std::string why) = 0;
};

// Resource limits of one server. A client that exceeds one waits or is disconnected; other clients
// are not affected.
struct Limits {
    std::size_t connections = 4096;                // at a time; further ones are closed at once
    std::size_t connection_bytes = 64 << 20;       // of its requests; then it is not read
    std::size_t large_bytes = 256 << 20;           // of all clients' requests above small_bytes
    std::size_t requests = 64 << 10;               // running, of all clients; see share()
    Duration admission = std::chrono::seconds(5);  // until the client is admitted
    Duration payload = std::chrono::seconds(60);   // to receive a large request once it has room

    // The number of running requests that each client may have even when `requests` are running.
    std::size_t share() const { return std::max<std::size_t>(requests / connections, 1); }
};
inline constexpr std::size_t small_bytes = 64 << 10;

class Acceptor {
public:
    Acceptor(Loop& loop, std::string_view protocol, Limits limits)
        : loop_(loop), protocol_(protocol), limits_(limits), large_(limits.large_bytes) {}
    virtual ~Acceptor();

    // Also serves clients at `address` from now on. EADDRINUSE, EACCES, EINVAL, …
    Result<void> listen(const std::string& address);
    // The addresses that clients can connect to, one per listen().
    std::vector<std::string> addresses() const;
    std::size_t connections() const { return connections_; }
    // Stops serving: every handler's task is stopped and has ended when this returns.
    Task<void> close();

private:
    class Peer;

    // Called when a client has introduced itself.
    virtual std::unique_ptr<Responder> connected(Connection& connection) = 0;
    Task<void> accept(loop::Listener& listener);
    Task<void> serve(std::unique_ptr<loop::Stream> stream);

    Loop& loop_;
    std::string_view protocol_;
    Limits limits_;
    task::Semaphore large_;     // bytes
    std::size_t requests_ = 0;  // running
    task::WaitList fewer_;      // woken when a request ends
    std::vector<std::unique_ptr<loop::Listener>> listeners_;
    std::size_t connections_ = 0;
    Scope scope_;
};

}  // namespace flexfs::rpc
