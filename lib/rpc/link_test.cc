#include "lib/rpc/link.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <random>

#include "lib/rpc/fixture_test.h"

namespace flexfs::rpc {
namespace {

// A server that a test implements itself, one connection at a time.
struct Stage {
    explicit Stage(Loop& on) : loop(on), listener(*loop::listen(on, "127.0.0.1:0")) {}

    // The next client, after its hello and its greeting's request.
    struct Guest {
        std::unique_ptr<loop::Stream> stream;
        std::unique_ptr<PacketReader> reader;
    };
    Task<Guest> welcome(Hello answer) {
        Guest guest{co_await listener->accept(), nullptr};
        guest.reader = std::make_unique<PacketReader>(*guest.stream);
        co_await guest.reader->next();
        co_await send(*guest.stream, hello_frame(answer));
        co_return guest;
    }
    Task<Guest> greeted() {
        Guest guest = co_await welcome(good_hello());
        const Packet greeting = co_await guest.reader->next();
        co_await answer(guest, greeting.header);
        co_return guest;
    }
    Task<void> answer(Guest& guest, Header header) {
        header.kind = Kind::reply;
        co_await send(*guest.stream, frame(header, Text{"answer"}).freeze());
    }

    Loop& loop;
    std::unique_ptr<loop::Listener> listener;
};

// A relay between a client and its server that cuts each connection after some thousand bytes, at
// any place.
struct Cutter {
    Cutter(Loop& on, std::string to, unsigned seed)
        : loop(on), server(std::move(to)), random(seed) {}

    Task<void> run() {
        while (cuts < cuts_max) {
            auto client = co_await listener->accept();
            auto onward = co_await loop::connect(loop, server);
            std::size_t left = 200 + random() % 20'000;
            if (++cuts == cuts_max) left = SIZE_MAX;
            Scope both;
            both.start(pump(*client, *onward, left));
            both.start(pump(*onward, *client, left));
            auto ended = co_await result(both.join());
            co_await both.close();
            co_await std::move(ended);
        }
    }
    static Task<void> pump(loop::Stream& from, loop::Stream& to, std::size_t& left) {
        std::byte bytes[512];
        for (;;) {
            auto got = co_await result(from.read(bytes));
            if (!got || *got == 0) break;
            const std::size_t passed = std::min(*got, left);
            left -= passed;
            auto sent = co_await result(send(to, Buffer::copy_of(ByteView(bytes, passed))));
            if (!sent || left == 0) break;
        }
        from.close();
        to.close();
    }

    static constexpr int cuts_max = 25;
    Loop& loop;
    std::string server;
    std::mt19937 random;
    int cuts = 0;
    std::unique_ptr<loop::Listener> listener = *loop::listen(loop, "127.0.0.1:0");
};

Task<void> ask(Caller<Toy>& caller, std::string text, std::vector<std::string>& answers,
               int& code) {
    auto reply = co_await result(caller.call(Echo{std::move(text)}));
    code = code_of(reply);
    if (reply) answers.push_back(reply->text);
}

}  // namespace

TEST_CASE("ends that do not understand each other say so in a sentence") {
    Loop loop;
    Stage stage(loop);
    ToyClient<Toy> client;
    const auto start = [&](Hello answer) {
        struct Play {
            static Task<Error> run(Stage& on, Caller<Toy>& caller, Hello said) {
                Scope scope;
                struct Host {
                    static Task<void> serve(Stage& at, Hello say) {
                        auto guest = co_await at.welcome(std::move(say));
                    }
                };
                scope.start(Host::serve(on, std::move(said)));
                auto started = co_await result(caller.start());
                co_await scope.close();
                co_return started ? Error{} : std::move(started.error());
            }
        };
        Caller<Toy> caller(loop, stage.listener->address(), client);
        const Error error = *loop.run(Play::run(stage, caller, std::move(answer)));
        CHECK(loop.run(caller.close()));
        return error;
    };
    Hello refusing = good_hello();
    refusing.code = EPROTO;
    refusing.reason = "it speaks the versions 2 to 3 of the protocol, not 1 to 1";
    Hello stranger = good_hello();
    stranger.magic = 5;

    CHECK(start(refusing).message().contains("versions 2 to 3"));
    CHECK(start(refusing).code == EPROTO);
    CHECK(start(stranger).context.contains("does not speak the flexfs protocol"));
}

TEST_CASE("a lost reply is asked for again with the same sequence, after a new greeting") {
    Loop loop;
    Stage stage(loop);
    ToyClient<Toy> client;
    Caller<Toy> caller(loop, stage.listener->address(), client);
    struct Play {
        static Task<void> serve(Stage& on, std::vector<std::uint64_t>& sequences) {
            {
                auto first = co_await on.greeted();
                for (int i = 0; i < 2; ++i)
                    sequences.push_back((co_await first.reader->next()).header.id);
            }  // the connection is lost here
            auto second = co_await on.greeted();
            std::vector<Header> asked;
            for (int i = 0; i < 2; ++i) {
                asked.push_back((co_await second.reader->next()).header);
                sequences.push_back(asked.back().id);
            }
            for (const Header& header : asked) co_await on.answer(second, header);
            co_await second.reader->next();  // ends when the client disconnects
        }
        static Task<void> run(Stage& on, Caller<Toy>& from, std::vector<std::uint64_t>& sequences) {
            Scope host, calls;
            std::vector<std::string> answers;
            int codes[2] = {-1, -1};
            host.start(serve(on, sequences));
            co_await from.start();
            calls.start(ask(from, "one", answers, codes[0]));
            calls.start(ask(from, "two", answers, codes[1]));
            co_await calls.join();
            CHECK(codes[0] == 0);
            CHECK(codes[1] == 0);
            co_await from.close();
            co_await host.close();
        }
    };
    std::vector<std::uint64_t> sequences;
    const auto outcome = loop.run(Play::run(stage, caller, sequences));

    CHECK_MESSAGE(outcome, outcome.error().message());
    CHECK(sequences == std::vector<std::uint64_t>{2, 3, 2, 3});
    CHECK(client.connections == 2);
}

TEST_CASE("wherever connections are cut, every call gets its own answer") {
    const unsigned seed = 77;
    CAPTURE(seed);
    Pair pair(Transport::unix_socket);
    Cutter cutter(pair.loop, pair.server.addresses()[0], seed);
    Caller<Toy> caller(pair.loop, cutter.listener->address(), pair.client);
    struct Play {
        static Task<void> many(Caller<Toy>& from, int who, const int& cuts, int& wrong) {
            for (int n = 0; cuts < Cutter::cuts_max || n % 10 != 0; ++n) {
                const std::string text = std::to_string(who * 1'000'000 + n);
                const Text reply = co_await from.call(Echo{text});
                wrong += reply.text != text;
            }
        }
        static Task<void> run(Pair& with, Caller<Toy>& from, Cutter& between) {
            Scope cutting;
            cutting.start(between.run());
            // The first greeting may be cut as well; it is not repeated.
            while (!co_await result(from.start())) continue;
            std::vector<Task<void>> tasks;
            int wrong = 0;
            for (int who = 0; who < 8; ++who) tasks.push_back(many(from, who, between.cuts, wrong));
            co_await task::all(std::move(tasks));
            CHECK(wrong == 0);
            co_await from.close();
            co_await cutting.close();
            co_await with.server.close();
        }
    };
    const Duration before = monotonic_now();
    const auto outcome = pair.loop.run(Play::run(pair, caller, cutter));

    CHECK_MESSAGE(outcome, outcome.error().message());
    // A connection that had been established is retried at once; the pauses grow only while none
    // can be established.
    CHECK(monotonic_now() - before < std::chrono::seconds(15));
    CHECK(pair.client.connections == Cutter::cuts_max);
}

TEST_CASE("calls that wait when a new greeting is refused end with its error") {
    Loop loop;
    Stage stage(loop);
    ToyClient<Toy> client;
    Caller<Toy> caller(loop, stage.listener->address(), client);
    struct Play {
        static Task<void> serve(Stage& on, ToyClient<Toy>& with) {
            {
                auto first = co_await on.greeted();
                co_await first.reader->next();
                with.refused_with = EACCES;
            }
            auto second = co_await on.greeted();
        }
        static Task<void> run(Stage& on, Caller<Toy>& from, ToyClient<Toy>& with) {
            Scope host;
            host.start(serve(on, with));
            co_await from.start();
            std::vector<std::string> answers;
            int code = 0;
            co_await ask(from, "one", answers, code);
            CHECK(code == EACCES);
            co_await from.close();
            co_await host.close();
        }
    };
    const auto outcome = loop.run(Play::run(stage, caller, client));

    CHECK_MESSAGE(outcome, outcome.error().message());
}

TEST_CASE("only a call that was never sent is refused with a greeting") {
    Loop loop;
    Stage stage(loop);
    ToyClient<Toy> client;
    Caller<Toy> caller(loop, stage.listener->address(), client);
    struct Play {
        static Task<void> serve(Stage& on, ToyClient<Toy>& with, bool& gone) {
            {
                auto first = co_await on.greeted();
                co_await first.reader->next();
                with.refused_with = EACCES;
            }
            gone = true;
            auto second = co_await on.greeted();
        }
        static Task<void> keep(Caller<Toy>& from, Error& error) {
            const auto reply = co_await result(from.call(Echo{"text"}));
            if (!reply) error = reply.error();
        }
        static Task<void> run(Loop& loop, Stage& on, Caller<Toy>& from, ToyClient<Toy>& with) {
            Scope host, calls;
            bool gone = false;
            Error of_sent, of_unsent;
            host.start(serve(on, with, gone));
            co_await from.start();
            calls.start(keep(from, of_sent));
            // The client notices the end of the connection before it tries again.
            co_await until(loop, [&] { return gone; });
            for (int i = 0; i < 3; ++i) co_await loop.sleep(std::chrono::microseconds(100));
            calls.start(keep(from, of_unsent));
            co_await calls.join();
            CHECK(of_sent.code == EACCES);
            CHECK_FALSE(of_sent.refused);
            CHECK(of_unsent.code == EACCES);
            CHECK(of_unsent.refused);
            co_await from.close();
            co_await host.close();
        }
    };
    const auto outcome = loop.run(Play::run(loop, stage, caller, client));

    CHECK_MESSAGE(outcome, outcome.error().message());
}

TEST_CASE("calls wait while the server is away, and a stop ends such a wait") {
    Pair pair(Transport::unix_socket);
    const std::string address = pair.server.addresses()[0];
    struct Play {
        static Task<void> run(Pair& with, std::string at) {
            co_await with.caller->start();
            co_await with.server.close();
            Scope waiting, stopped;
            std::vector<std::string> answers;
            int code = -1, stopped_code = -1;
            waiting.start(ask(*with.caller, "patience", answers, code));
            stopped.start(ask(*with.caller, "hurry", answers, stopped_code));
            co_await stopped.close();
            CHECK(stopped_code == ECANCELED);
            CHECK(code == -1);

            Server<Toy> again(with.loop, with.service);
            co_await again.listen(at);
            co_await waiting.join();
            CHECK(code == 0);
            CHECK(with.client.connections == 2);
            co_await with.caller->close();
            co_await again.close();
        }
    };
    const auto outcome = pair.loop.run(Play::run(pair, address));

    CHECK_MESSAGE(outcome, outcome.error().message());
}

TEST_CASE("the service learns which sequences are answered for good") {
    Pair pair(Transport::unix_socket);
    const auto outcome = pair.run([](Pair& with) -> Task<void> {
        for (int i = 0; i < 3; ++i) co_await with.caller->call(Echo{"x"});
    });

    CHECK_MESSAGE(outcome, outcome.error().message());
    REQUIRE(pair.service.contexts.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK(pair.service.contexts[i].sequence == i + 1);
        CHECK(pair.service.contexts[i].oldest == i + 1);
    }
}

}  // namespace flexfs::rpc
