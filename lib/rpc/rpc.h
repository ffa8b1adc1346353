// The interfaces of the two ends of a conversation. Everything is derived from a protocol's table
// (lib/wire/table.h): wire::Metadata, wire::Control.
//
// The serving end implements Service and Handler. The asking end implements Client and calls
// through a Caller (lib/rpc/caller.h), which reaches the service in this process, or over a socket
// if a Server (lib/rpc/server.h) listens there. Neither end sees the difference:
//
// - Requests run concurrently and are answered in any order.
// - Stopping the task that awaits a call stops the handler's task (its waits end with ECANCELED).
//   The call ends with ECANCELED, whether or not the request was executed.
// - A push arrives after the replies of handlers that had ended before it was pushed, and before
//   those of handlers that end later.
// - Over a socket, a lost connection is re-established and unanswered requests are repeated with
//   the same sequence. Pushes of that time are lost, so Client::connected() has to start afresh.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "lib/task/task.h"
#include "lib/wire/table.h"

namespace flexfs::rpc {

// The location of a service's client.
enum class Reach { in_process, over_socket };

struct Context {
    // Numbers the client's requests, from 1 on and across connections; a request that is repeated
    // because its reply was lost keeps its number. 0 in process, where nothing is lost.
    std::uint64_t sequence = 0;
    // Every smaller sequence is answered and never repeated, so remembered replies to them can be
    // dropped.
    std::uint64_t oldest = 0;
};

template <class Rows>
class HandlerOf;
template <>
class HandlerOf<wire::Operations<>> {
public:
    virtual ~HandlerOf() = default;
    // True once the client has identified itself. Until then its connection carries one small
    // request at a time, and only for a limited time.
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

// Answers one client's requests with `handle(Context, R)` for each R of the table; an error is sent
// as the answer, too. Destroyed when the client is gone and the last of its tasks has ended.
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
    // Over a socket, ends the connection; the client then reconnects.
    virtual void disconnect(std::string) {}
    void push() = delete;
};
template <class M, class... Rest>
class PusherOf<wire::Messages<M, Rest...>> : public PusherOf<wire::Messages<Rest...>> {
public:
    using PusherOf<wire::Messages<Rest...>>::push;
    virtual void push(M message) = 0;
};

// Receives the service's pushes to one client: `push(M)` for each M of the table. In process it is
// the client itself, called from inside the service: it may record the push and wake tasks, but
// must not call the service before it has returned. Over a socket it sends the push; a client with
// push_bytes_max of unsent data is disconnected.
template <class Table>
using Pusher = PusherOf<typename Table::Pushes>;

template <class Table>
class Caller;

// The asking end.
template <class Table>
class Client : public Pusher<Table> {
public:
    // Called when the service is reached, for the first time or again; nothing of an earlier
    // connection is left. It opens the session. Calls of other tasks wait until it has ended. Calls
    // made with `caller` do not wait, and are not repeated (ECONNRESET). If it fails, waiting calls
    // end with its error.
    virtual Task<void> connected(Caller<Table>& caller) = 0;
};

// The serving end.
template <class Table>
class Service {
public:
    virtual ~Service() = default;
    // Called when a client has connected. `client` outlives the handler. Pushes to a client that is
    // gone are dropped.
    virtual std::unique_ptr<Handler<Table>> connected(Pusher<Table>& client) = 0;
};

}  // namespace flexfs::rpc
