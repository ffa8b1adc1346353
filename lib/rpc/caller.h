// Caller: how a client asks a service, wherever that is.
#pragma once

#include <optional>
#include <string>

#include "lib/rpc/link.h"
#include "lib/rpc/rpc.h"

namespace flexfs::rpc {

template <class Table>
class Caller final : Link::Owner {
public:
    // A service in this process: requests and replies are passed as they are.
    Caller(Service<Table>& service, Client<Table>& client) : client_(client), service_(&service) {}
    // The service that a Server offers at `address` (as in lib/loop/stream.h).
    Caller(Loop& loop, std::string address, Client<Table>& client)
        : client_(client),
          own_link_(std::in_place, loop, std::move(address), Table::name,
                    static_cast<Link::Owner&>(*this)),
          link_(&*own_link_) {}
    ~Caller() override = default;

    // Reaches the service for the first time, Client::connected() included, and gives the error of
    // this one try: ECONNREFUSED, ENOENT, …; EPROTO when the ends do not understand each other.
    // From then on a lost connection is made again, for as long as it takes.
    Task<void> start() { return link_ ? link_->start() : start_local(); }
    // Calls that wait end with ECANCELED, later ones too. In process: no call may be running.
    Task<void> close() { return link_ ? link_->close() : close_local(); }

    // The reply, or the service's error. EMSGSIZE: too long for a frame; EPROTO: not understood;
    // ENOSYS: unknown to the service; ECANCELED. Waits while the service is away.
    template <class R>
    Task<typename R::Reply> call(R request) {
        if (handler_) return handler_->handle(Context{}, std::move(request));
        constexpr bool settles = requires { R::settles; };
        const Link::Lane lane = greets_   ? Link::Lane::greeting
                                : settles ? Link::Lane::settling
                                          : Link::Lane::ordinary;
        return remote(link_, lane, std::move(request));
    }

    // The service no longer knows what became of the calls that it was sent, as when a session has
    // ended: they end with this error instead of being repeated. Not those of a greeting.
    void end_sent_calls(const Error& error) {
        if (link_) link_->end_sent_calls(error);
    }
    // What the process image after this one needs to go on in the same session without taking a
    // sequence a second time; 0 in process. go_on_after() comes before start().
    std::uint64_t last_sequence() const { return link_ ? link_->last_sequence() : 0; }
    void go_on_after(std::uint64_t sequence) {
        if (link_) link_->go_on_after(sequence);
    }

private:
    struct Greeting {};
    Caller(Client<Table>& client, Link* link, Greeting)
        : client_(client), link_(link), greets_(true) {}

    template <class R>
    static Task<typename R::Reply> remote(Link* link, Link::Lane lane, R request) {
        if (!link) co_return fail(ECANCELED);
        Buffer reply = co_await link->exchange(request_frame(request), lane);
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
        // A push that this client does not know is for newer ones.
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
