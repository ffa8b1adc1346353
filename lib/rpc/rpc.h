// What the two ends of a conversation are to each other. Everything is derived from a protocol's
// table (lib/wire/table.h): wire::Metadata, wire::Control.
//
// The serving end implements Service and Handler; the asking end implements Client and calls
// through a Caller (lib/rpc/caller.h), which reaches the service in this process, or over a socket
// where a Server (lib/rpc/server.h) listens. Neither end sees which of them it is:
//
// - Requests run side by side and are answered in any order.
// - A stop of the task that awaits a call stops the handler's task (its waits end with ECANCELED);
//   the call ends with ECANCELED, whether or not the request was executed.
// - A push arrives after the replies of handlers that had ended before it was pushed, and before
//   those of handlers that end later.
// - Over a socket, a lost connection is made again and unanswered requests are repeated with the
//   same sequence. Pushes of that moment are lost: Client::connected() is where to start afresh.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "lib/task/task.h"
#include "lib/wire/table.h"

namespace flexfs::rpc {

// Where a service's client is.
enum class Reach { in_process, over_socket };

struct Context {
    // The client's count of its requests, the same when it repeats one whose reply it lost. It goes
    // on over connections and begins at 1. 0: in process, where nothing is lost.
    std::uint64_t sequence = 0;
    // Every smaller sequence is answered and never repeated: what is remembered of it can go.
    std::uint64_t oldest = 0;
};

template <class Rows>
class HandlerOf;
template <>
class HandlerOf<wire::Operations<>> {
public:
    virtual ~HandlerOf() = default;
    // Whether the client has shown who it is. Until then its connection carries one small request
    // at a time, and not for long.
    virtual bool admitted() const { return true; }
    void handle() = delete;
};
template <class Row, class... Rest>
class HandlerOf<wire::Operations<Row, Rest...>> : public HandlerOf<wire::Operations<Rest...>> {
public:
    using Request = typename Row::Request;
    using HandlerOf<wire::Operations<Rest...>>::handle;
    virtual Task<typename Request::Reply> handle(Context context, Request request) = 0;
};

// Answers one client's requests: `handle(Context, R)` for each R of the table, an error being the
// answer too. Destroyed after the last of its tasks has ended, when the client is gone.
template <class Table>
using Handler = HandlerOf<typename Table::Requests>;

template <class Self, class Table, class Rows = typename Table::Requests>
class Serving;
template <class Self, class Table>
class Serving<Self, Table, wire::Operations<>> : public Handler<Table> {};
// A Handler whose every handle() is `Self::serve(Context, R)`, overloaded or a template.
template <class Self, class Table, class Row, class... Rest>
class Serving<Self, Table, wire::Operations<Row, Rest...>>
    : public Serving<Self, Table, wire::Operations<Rest...>> {
public:
    using Request = typename Row::Request;
    using Serving<Self, Table, wire::Operations<Rest...>>::handle;
    Task<typename Request::Reply> handle(Context context, Request request) override {
        return static_cast<Self*>(this)->serve(context, std::move(request));
    }
};

template <class Pushes>
class PusherOf;
template <>
class PusherOf<wire::Messages<>> {
public:
    virtual ~PusherOf() = default;
    virtual Reach reach() const { return Reach::in_process; }
    // Over a socket: ends the connection, which the client makes again.
    virtual void disconnect(std::string) {}
    void push() = delete;
};
template <class M, class... Rest>
class PusherOf<wire::Messages<M, Rest...>> : public PusherOf<wire::Messages<Rest...>> {
public:
    using PusherOf<wire::Messages<Rest...>>::push;
    virtual void push(M message) = 0;
};

// Takes the service's pushes to one client: `push(M)` for each M of the table. In process it is the
// client itself, called from inside the service: it takes note and wakes tasks, but must not call
// back before it has returned. Over a socket it sends; a client that falls push_bytes_max behind is
// disconnected.
template <class Table>
using Pusher = PusherOf<typename Table::Pushes>;

template <class Table>
class Caller;

// The asking end.
template <class Table>
class Client : public Pusher<Table> {
public:
    // The service is reached, for the first time or again; nothing of an earlier connection is
    // left. Opens the session. Calls of other tasks wait until it has ended; those made with
    // `caller` do not, and are not repeated (ECONNRESET). Its error is what waiting calls end with.
    virtual Task<void> connected(Caller<Table>& caller) = 0;
};

// The serving end.
template <class Table>
class Service {
public:
    virtual ~Service() = default;
    // A client has connected. `client` outlives the handler; what is pushed to one that is gone is
    // dropped.
    virtual std::unique_ptr<Handler<Table>> connected(Pusher<Table>& client) = 0;
};

}  // namespace flexfs::rpc
