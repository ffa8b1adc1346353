// Server: offers a service on sockets.
#pragma once

#include <memory>
#include <utility>

#include "lib/base/format.h"
#include "lib/rpc/connection.h"

namespace flexfs::rpc {

// A Pusher that sends its pushes as frames.
template <class Pushes, class All = Pushes>
class Sending;
template <class All>
class Sending<wire::Messages<>, All> : public PusherOf<All> {
public:
    explicit Sending(Connection& connection) : connection_(connection) {}
    Reach reach() const override { return Reach::over_socket; }
    void disconnect(std::string why) override { connection_.disconnect(std::move(why)); }

protected:
    Connection& connection_;
};
template <class M, class... Rest, class All>
class Sending<wire::Messages<M, Rest...>, All> : public Sending<wire::Messages<Rest...>, All> {
public:
    using Sending<wire::Messages<Rest...>, All>::Sending;
    using Sending<wire::Messages<Rest...>, All>::push;
    void push(M message) override {
        const Header header{.kind = Kind::push, .op = wire::op_of<M>};
        this->connection_.push(frame(header, message).freeze());
    }
};

// Serves one client: decodes its requests and encodes the replies.
template <class Table>
class TypedResponder final : public Responder {
public:
    TypedResponder(Service<Table>& service, Connection& connection)
        : pusher_(connection), handler_(service.connected(pusher_)) {}

    bool admitted() const override { return handler_->admitted(); }
    Task<Buffer> answer(Context context, Header request, Buffer message) override {
        const Answer with = find(typename Table::Requests(), request.op);
        request.kind = Kind::reply;
        request.flags = 0;
        return with(*handler_, context, request, std::move(message));
    }

private:
    using Answer = Task<Buffer> (*)(Handler<Table>&, Context, Header, Buffer);

    template <class... Rows>
    static Answer find(wire::Operations<Rows...>, std::uint16_t op) {
        Answer found = answer_unknown;
        ((wire::op_of<typename Rows::Request> == op ? void(found = answer_row<Rows>) : void()),
         ...);
        return found;
    }
    static Task<Buffer> answer_unknown(Handler<Table>&, Context, Header header, Buffer) {
        co_return error_frame(header,
                              {ENOSYS, fmt::format("the service has no operation {}", header.op)});
    }
    template <class Row>
    static Task<Buffer> answer_row(Handler<Table>& handler, Context context, Header header,
                                   Buffer message) {
        auto request = wire::decode<typename Row::Request>(message);
        if (!request)
            co_return error_frame(
                header, {EPROTO, fmt::format("{}: {}", Row::name, request.error().context)});
        message = {};
        auto reply = co_await result(handler.handle(context, std::move(*request)));
        if (!reply) co_return error_frame(header, std::move(reply.error()));
        const std::size_t size = wire::encoded_size(*reply);
        if (size > payload_bytes_max)
            co_return error_frame(
                header, {EMSGSIZE, fmt::format("{}: a reply of {} bytes", Row::name, size)});
        co_return frame(header, *reply).freeze();
    }

    Sending<typename Table::Pushes> pusher_;
    std::unique_ptr<Handler<Table>> handler_;
};

template <class Table>
class Server final : public Acceptor {
public:
    // `service` must outlive the server, which must be closed before it is destroyed.
    Server(Loop& loop, Service<Table>& service, Limits limits = {})
        : Acceptor(loop, Table::name, limits), service_(service) {}

private:
    std::unique_ptr<Responder> connected(Connection& connection) override {
        return std::make_unique<TypedResponder<Table>>(service_, connection);
    }

    Service<Table>& service_;
};

}  // namespace flexfs::rpc
