// A small protocol, a service that speaks it, and a client of it over any transport.
#pragma once

#include <unistd.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/rpc/caller.h"
#include "lib/rpc/server.h"

namespace flexfs::rpc {

enum class ToyOp : std::uint16_t {
    echo = 1,
    wait = 2,
    refuse = 3,
    tell = 4,
    unknown = 9,
    note = 20
};

struct Text {
    std::string text;
    FLEXFS_FIELDS(text)
};
struct Echo {
    static constexpr ToyOp op = ToyOp::echo;
    using Reply = Text;
    std::string text;
    FLEXFS_FIELDS(text)
};
// Answered when the service's gate of that name opens.
struct Wait {
    static constexpr ToyOp op = ToyOp::wait;
    using Reply = Text;
    std::string gate;
    FLEXFS_FIELDS(gate)
};
struct Refuse {
    static constexpr ToyOp op = ToyOp::refuse;
    using Reply = Text;
    int code = 0;
    std::string why;
    FLEXFS_FIELDS(code, why)
};
// Pushes the text back as `count` notes before it answers.
struct Tell {
    static constexpr ToyOp op = ToyOp::tell;
    using Reply = Text;
    std::string text;
    std::uint32_t count = 1;
    FLEXFS_FIELDS(text, count)
};
struct Unknown {
    static constexpr ToyOp op = ToyOp::unknown;
    using Reply = Text;
    FLEXFS_NO_FIELDS
};
struct Note {
    static constexpr ToyOp op = ToyOp::note;
    std::string text;
    FLEXFS_FIELDS(text)
};

struct Toy {
    static constexpr std::string_view name = "toy";
    using Requests = wire::Operations<wire::Operation<Echo, "echo", wire::Effect::reads>,
                                      wire::Operation<Wait, "wait", wire::Effect::reads>,
                                      wire::Operation<Refuse, "refuse", wire::Effect::reads>,
                                      wire::Operation<Tell, "tell", wire::Effect::reads>>;
    using Pushes = wire::Messages<Note>;
};

// The protocol of a newer client.
struct NewerToy {
    static constexpr std::string_view name = "toy";
    using Requests = wire::Operations<wire::Operation<Unknown, "unknown", wire::Effect::reads>>;
    using Pushes = wire::Messages<Note>;
};

class ToyService : public Service<Toy> {
public:
    std::unique_ptr<Handler<Toy>> connected(Pusher<Toy>& client) override;

    std::map<std::string, task::Event> gates;
    std::vector<Context> contexts;
    std::vector<Pusher<Toy>*> clients;
    int waiting = 0;
    int stopped = 0;
    int gone = 0;  // destroyed handlers
};

class ToyHandler final : public Serving<ToyHandler, Toy> {
public:
    ToyHandler(ToyService& service, Pusher<Toy>& client) : service_(service), client_(client) {}
    ~ToyHandler() override {
        ++service_.gone;
        std::erase(service_.clients, &client_);
    }

    Task<Text> serve(Context context, Echo request) {
        service_.contexts.push_back(context);
        co_return Text{std::move(request.text)};
    }
    Task<Text> serve(Context context, Wait request) {
        service_.contexts.push_back(context);
        ++service_.waiting;
        auto outcome = co_await result(service_.gates[request.gate].wait());
        --service_.waiting;
        if (!outcome) ++service_.stopped;
        co_await std::move(outcome);
        co_return Text{std::move(request.gate)};
    }
    Task<Text> serve(Context, Refuse request) {
        co_return fail(request.code, std::move(request.why));
    }
    Task<Text> serve(Context, Tell request) {
        for (std::uint32_t i = 0; i < request.count; ++i) client_.push(Note{request.text});
        co_return Text{std::move(request.text)};
    }

private:
    ToyService& service_;
    Pusher<Toy>& client_;
};

inline std::unique_ptr<Handler<Toy>> ToyService::connected(Pusher<Toy>& client) {
    clients.push_back(&client);
    return std::make_unique<ToyHandler>(*this, client);
}

template <class Table>
class ToyClient : public Client<Table> {
public:
    Task<void> connected(Caller<Table>& caller) override {
        ++connections;
        if constexpr (std::is_same_v<Table, Toy>)
            greeting = (co_await caller.call(Echo{"hello"})).text;
        if (refused_with) co_await fail(refused_with);
    }
    void push(Note message) override { notes.push_back(std::move(message.text)); }

    int connections = 0;
    int refused_with = 0;
    std::string greeting;
    std::vector<std::string> notes;
};

enum class Transport { local, unix_socket, tcp };

inline std::string toy_address(Transport transport) {
    static int count = 0;
    if (transport == Transport::tcp) return "127.0.0.1:0";
    return "unix:/tmp/flexfs-rpc-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

// A service and one client of it.
struct Pair {
    explicit Pair(Transport transport) : server(loop, service) {
        if (transport == Transport::local) {
            caller.emplace(service, client);
            return;
        }
        check(server.listen(toy_address(transport)).has_value());
        caller.emplace(loop, server.addresses()[0], client);
    }
    // Runs `body` between start and close.
    template <class Body>
    Result<void> run(Body body) {
        return loop.run(whole(*this, body));
    }

    Loop loop;
    ToyService service;
    ToyClient<Toy> client;
    Server<Toy> server;
    std::optional<Caller<Toy>> caller;

private:
    template <class Body>
    static Task<void> whole(Pair& pair, Body body) {
        co_await pair.caller->start();
        auto outcome = co_await result(body(pair));
        co_await pair.caller->close();
        co_await pair.server.close();
        co_await std::move(outcome);
    }
};

// Lets the loop turn until `condition` holds.
template <class Condition>
Task<void> until(Loop& loop, Condition condition) {
    while (!condition()) co_await loop.sleep(std::chrono::microseconds(100));
}

// Tests that implement one end themselves use the following.

inline Hello good_hello() {
    return {.magic = hello_magic, .version_min = 1, .version_max = 1, .protocol = "toy"};
}

inline Task<void> send(loop::Stream& stream, Buffer bytes) {
    std::vector<Buffer> frames;
    frames.push_back(std::move(bytes));
    co_await stream.write(std::move(frames));
}

inline Buffer hello_frame(const Hello& hello) {
    return frame(Header{.kind = Kind::hello}, hello).freeze();
}

}  // namespace flexfs::rpc
