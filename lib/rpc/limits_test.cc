// Tests of a server's limits: what exceeds one costs only the client that exceeds it.
#include <doctest/doctest.h>

#include <cerrno>

#include "lib/rpc/fixture_test.h"

namespace flexfs::rpc {
namespace {

using namespace std::chrono_literals;

// Admits a client when it has said "open".
class StrictHandler final : public Serving<StrictHandler, Toy> {
public:
    bool admitted() const override { return open_; }
    Task<Text> serve(Context, Echo request) {
        open_ |= request.text == "open" || request.text == "hello";  // a ToyClient says "hello"
        co_return Text{std::move(request.text)};
    }
    template <class R>
    Task<Text> serve(Context, R) {
        co_return fail(ESTALE);
    }

private:
    bool open_ = false;
};
class StrictService final : public Service<Toy> {
public:
    std::unique_ptr<Handler<Toy>> connected(Pusher<Toy>&) override {
        return std::make_unique<StrictHandler>();
    }
};

// A server with limits, and one client that keeps to them.
template <class S = ToyService>
struct Limited {
    Loop loop;
    S service;
    Server<Toy> server;
    ToyClient<Toy> client;
    std::optional<Caller<Toy>> caller;

    explicit Limited(Limits limits) : server(loop, service, limits) {
        check(server.listen(toy_address(Transport::unix_socket)).has_value());
        caller.emplace(loop, address(), client);
        REQUIRE(loop.run(caller->start()));
    }
    ~Limited() {
        CHECK(loop.run(caller->close()));
        CHECK(loop.run(server.close()));
    }
    std::string address() const { return server.addresses()[0]; }
    // The client that keeps to the limits is answered, and was never disconnected.
    void check_unharmed() {
        CHECK(loop.run(caller->call(Echo{"x"}))->text == "x");
        CHECK(client.connections == 1);
    }
    void sleep(Duration span) { CHECK(loop.run(loop.sleep(span))); }
};

// A client that does what its test says.
struct Rude {
    Loop& loop;
    std::unique_ptr<loop::Stream> stream;
    std::optional<PacketReader> reader;

    template <class S>
    explicit Rude(Limited<S>& w) : loop(w.loop) {
        auto connected = loop.run(loop::connect(loop, w.address()));
        REQUIRE(connected);
        stream = std::move(*connected);
        reader.emplace(*stream);
    }
    template <class S>
    static Rude greeted(Limited<S>& w) {
        Rude made(w);
        made.write(hello_frame(good_hello()));
        REQUIRE(made.next());
        return made;
    }
    void write(Buffer bytes) { REQUIRE(loop.run(send(*stream, std::move(bytes)))); }
    template <class R>
    void ask(std::uint64_t id, R request) {
        WritableBuffer bytes = request_frame(request);
        set_turn(bytes, id, 1);
        write(std::move(bytes).freeze());
    }
    Result<Packet> next() { return loop.run(reader->next()); }
    // Returns the ids of the next answers.
    std::vector<std::uint64_t> answers(std::size_t count) {
        std::vector<std::uint64_t> ids;
        for (std::size_t i = 0; i < count; ++i) {
            const auto packet = next();
            REQUIRE(packet);
            CHECK(packet->header.kind == Kind::reply);
            ids.push_back(packet->header.id);
        }
        std::ranges::sort(ids);
        return ids;
    }
    bool is_cut_off() { return code_of(next()) == ECONNRESET; }
};

std::vector<std::uint64_t> up_to(std::uint64_t last) {
    std::vector<std::uint64_t> ids;
    for (std::uint64_t id = 1; id <= last; ++id) ids.push_back(id);
    return ids;
}

}  // namespace

TEST_CASE("a connection beyond the limit is closed, and the place of one that ends is free again") {
    Limited w({.connections = 2});
    {
        Rude second = Rude::greeted(w);
        Rude third(w);
        CHECK(third.is_cut_off());
        w.check_unharmed();
        second.ask(1, Echo{"a"});
        CHECK(second.answers(1) == up_to(1));
    }
    while (w.server.connections() > 1) w.sleep(1ms);
    Rude next = Rude::greeted(w);
    w.check_unharmed();
}

TEST_CASE("the requests of a client that sends too many bytes wait, and no other client's do") {
    Limited w({.connection_bytes = 1000});
    Rude rude = Rude::greeted(w);
    const std::string gate(200, 'g');
    for (std::uint64_t id = 1; id <= 10; ++id) rude.ask(id, Wait{gate});
    w.sleep(20ms);
    CHECK(w.service.waiting == 5);
    w.check_unharmed();

    w.service.gates[gate].set();
    CHECK(rude.answers(10) == up_to(10));
}

TEST_CASE("large requests of all clients have a limit, which small ones do not wait for") {
    Limited w({.large_bytes = 300 << 10});
    const std::string first_gate(200 << 10, 'a'), second_gate(200 << 10, 'b');
    Rude first = Rude::greeted(w), second = Rude::greeted(w);
    first.ask(1, Wait{first_gate});
    while (w.service.waiting < 1) w.sleep(1ms);
    Scope sending;
    WritableBuffer bytes = request_frame(Wait{second_gate});
    set_turn(bytes, 1, 1);
    sending.start(send(*second.stream, std::move(bytes).freeze()));
    w.sleep(20ms);
    CHECK(w.service.waiting == 1);
    w.check_unharmed();

    w.service.gates[first_gate].set();
    CHECK(first.answers(1) == up_to(1));
    w.service.gates[second_gate].set();
    CHECK(second.answers(1) == up_to(1));
    CHECK(w.loop.run(sending.join()));
}

TEST_CASE("a client that does not send the large request it announced makes room for others") {
    Limited w({.large_bytes = 300 << 10, .payload = 30ms});
    Rude rude = Rude::greeted(w);
    WritableBuffer announced = request_frame(Echo{std::string(200 << 10, 'x')});
    set_turn(announced, 1, 1);
    rude.write(std::move(announced).freeze().slice(0, 1000));
    w.sleep(5ms);

    CHECK(w.loop.run(w.caller->call(Echo{std::string(250 << 10, 'y')}))->text.size() == 250 << 10);
    CHECK(rude.is_cut_off());
    w.check_unharmed();
}

TEST_CASE("when all clients together have too many requests, each still has its share") {
    Limited w({.connections = 4, .requests = 8});
    Rude rude = Rude::greeted(w), modest = Rude::greeted(w);
    for (std::uint64_t id = 1; id <= 20; ++id) rude.ask(id, Wait{"g"});
    while (w.service.waiting < 8) w.sleep(1ms);
    w.sleep(20ms);
    CHECK(w.service.waiting == 8);
    for (std::uint64_t id = 1; id <= 3; ++id) modest.ask(id, Wait{"g"});
    w.sleep(20ms);
    CHECK(w.service.waiting == 10);
    w.check_unharmed();

    w.service.gates["g"].set();
    CHECK(rude.answers(20) == up_to(20));
    CHECK(modest.answers(3) == up_to(3));
}

TEST_CASE("a client with too many requests at a time is disconnected") {
    Limited w({});
    Rude rude = Rude::greeted(w);
    for (std::uint64_t id = 1; id <= requests_max + 1; ++id) rude.ask(id, Wait{"never"});
    auto last = rude.next();
    while (last && last->header.kind == Kind::reply) last = rude.next();
    REQUIRE(last);
    CHECK(last->header.kind == Kind::end);
    CHECK(failure(last->payload).context.contains("requests at a time"));
    w.check_unharmed();
}

TEST_CASE("a client that is not admitted in time, or never asks for it, is disconnected") {
    Limited<StrictService> w({.admission = 30ms});
    Rude silent = Rude::greeted(w);
    const Duration began = monotonic_now();
    CHECK(silent.is_cut_off());
    CHECK(monotonic_now() - began >= 20ms);

    Rude chatty = Rude::greeted(w);
    for (std::uint64_t id = 1; id <= 4; ++id) {
        chatty.ask(id, Echo{"let me in"});
        REQUIRE(chatty.next());
    }
    const auto last = chatty.next();
    REQUIRE(last);
    CHECK(failure(last->payload).context.contains("did not open a session"));

    Rude large = Rude::greeted(w);
    large.ask(1, Echo{std::string(hello_bytes_max, 'x')});
    const auto refused = large.next();
    REQUIRE(refused);
    CHECK(refused->header.kind == Kind::end);

    Rude good = Rude::greeted(w);
    good.ask(1, Echo{"open"});
    CHECK(good.answers(1) == up_to(1));
    w.sleep(60ms);
    good.ask(2, Echo{std::string(hello_bytes_max, 'x')});
    CHECK(good.answers(1) == std::vector<std::uint64_t>{2});
    w.check_unharmed();
}

}  // namespace flexfs::rpc
