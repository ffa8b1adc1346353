// The serving end of connections: listening, and each client from its hello to its end. Knows bytes
// only; Server gives them types.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/loop/loop.h"
#include "lib/rpc/frame.h"
#include "lib/rpc/rpc.h"
#include "lib/task/scope.h"

namespace flexfs::rpc {

// Answers what one client sends.
class Session {
public:
    virtual ~Session() = default;
    // The whole reply frame. Never fails: an error is in the frame.
    virtual Task<Buffer> answer(Context context, Header request, Buffer message) = 0;
};

// What a session may do to its client.
class Connection {
public:
    virtual ~Connection() = default;
    // Sends a push; a client that does not read is disconnected.
    virtual void push(Buffer frame) = 0;
};

class Acceptor {
public:
    Acceptor(Loop& loop, std::string_view protocol) : loop_(loop), protocol_(protocol) {}
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
    virtual std::unique_ptr<Session> connected(Connection& connection) = 0;
    Task<void> accept(loop::Listener& listener);
    Task<void> serve(std::unique_ptr<loop::Stream> stream);

    Loop& loop_;
    std::string_view protocol_;
    std::vector<std::unique_ptr<loop::Listener>> listeners_;
    std::size_t connections_ = 0;
    Scope scope_;
};

}  // namespace flexfs::rpc
