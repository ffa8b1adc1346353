// Caller: calls a service, in this process or over a socket.
#pragma once

#include <optional>
#include <string>

#include "lib/rpc/link.h"
#include "lib/rpc/rpc.h"

namespace flexfs::rpc {

template <class Table>
class Caller final : Link::Owner {
public:
    // Calls a service in this process; requests and replies are passed without encoding.
    Caller(Service<Table>& service, Client<Table>& client) : client_(client), service_(&service) {}
    // Calls the service that a Server offers at `address` (see lib/loop/stream.h).
    Caller(Loop& loop, std::string address, Client<Table>& client)
        : client_(client),
          own_link_(std::in_place, loop, std::move(address), Table::name,
                    static_cast<Link::Owner&>(*this)),
          link_(&*own_link_) {}
    ~Caller() override = default;

    // Connects to the service for the first time and runs Client::connected(). Returns the error of
    // this one attempt: ECONNREFUSED, ENOENT, …; EPROTO if the ends do not understand each other.
    // After that, a lost connection is re-established, however long that takes.
    Task<void> start() { return link_ ? link_->start() : start_local(); }
    // Ends waiting and later calls with ECANCELED. In process, no call may be running.
    Task<void> close() { return link_ ? link_->close() : close_local(); }

    // Returns the reply or the service's error. EMSGSIZE: the request or the reply is too long for
    // a frame; EPROTO: the message could not be decoded; ENOSYS: the service does not know the
    // operation; ECANCELED. Waits while the service is unreachable.
    template <class R>
    Task<typename R::Reply> call(R request) {
        if (handler_) return handler_->handle(Context{}, std::move(request));
        constexpr bool settles = requires { R::settles; };
        const Link::Lane lane = greets_   ? Link::Lane::greeting
                                : settles ? Link::Lane::settling
                                          : Link::Lane::ordinary;
        // A greeting's requests belong to no session yet.
        const bool recorded = !greets_ && Table::Requests::template effect_of<R>().record >= 0;
        return remote(link_, lane, recorded, std::move(request));
    }

    // Ends the calls that were sent with this error instead of repeating them, because the service
    // no longer knows their outcome, as after the end of a session. Calls of a greeting are not
    // affected.
    void end_sent_calls(const Error& error) {
        if (link_) link_->end_sent_calls(error);
    }
    // The highest sequence used so far. The next image of this process passes it to go_on_after(),
    // before start(), to continue the session without reusing a sequence. It is 0 in process.
    std::uint64_t last_sequence() const { return link_ ? link_->last_sequence() : 0; }
    void go_on_after(std::uint64_t sequence) {
        if (link_) link_->go_on_after(sequence);
    }
    // The highest sequence of a request with a place in the service's log (wire::Effect) that
    // succeeded. If the service's log ends before it, a power cut has undone changes. It is 0 in
    // process.
    std::uint64_t last_recorded() const { return link_ ? link_->last_recorded() : 0; }

private:
    struct Greeting {};
    Caller(Client<Table>& client, Link* link, Greeting)
        : client_(client), link_(link), greets_(true) {}

    template <class R>
    static Task<typename R::Reply> remote(Link* link, Link::Lane lane, bool recorded, R request) {
        if (!link) co_return fail(ECANCELED);
        Buffer reply = co_await link->exchange(request_frame(request), lane, recorded);
        co_return co_await wire::decode<typename R::Reply>(reply);
    }
    Task<void> start_local() {
        handler_ = service_->connected(client_);
        co_await client_.connected(*this);
    }
    Task<void> close_local() {
        handler_.reset();
        co_return;
    }
    Task<void> greet() override {
        Caller greeter(client_, link_, Greeting());
        co_await client_.connected(greeter);
    }
    Result<void> pushed(std::uint16_t op, const Buffer& payload) override {
        return deliver(typename Table::Pushes(), op, payload);
    }
    template <class... M>
    Result<void> deliver(wire::Messages<M...>, std::uint16_t op, const Buffer& payload) {
        Result<void> outcome;
        // A push that this client does not know is meant for newer clients and is ignored.
        ((wire::op_of<M> == op ? void(outcome = deliver_as<M>(payload)) : void()), ...);
        return outcome;
    }
    template <class M>
    Result<void> deliver_as(const Buffer& payload) {
        TRY(M message, wire::decode<M>(payload));
        client_.push(std::move(message));
        return {};
    }

    Client<Table>& client_;
    Service<Table>* service_ = nullptr;
    std::unique_ptr<Handler<Table>> handler_;
    std::optional<Link> own_link_;
    Link* link_ = nullptr;
    bool greets_ = false;
};

}  // namespace flexfs::rpc
