// What is about sockets alone: the handshake, broken frames, lost connections.
#include <doctest/doctest.h>

#include <cerrno>

#include "lib/rpc/fixture_test.h"

namespace flexfs::rpc {
namespace {

Hello good_hello() {
    return {.magic = hello_magic, .version_min = 1, .version_max = 1, .protocol = "toy"};
}

Task<void> send(loop::Stream& stream, Buffer bytes) {
    std::vector<Buffer> frames;
    frames.push_back(std::move(bytes));
    co_await stream.write(std::move(frames));
}

Buffer hello_frame(const Hello& hello) {
    return frame(Header{.kind = Kind::hello}, hello).freeze();
}

Buffer request(std::uint64_t id, Echo message) {
    WritableBuffer bytes = request_frame(message);
    set_turn(bytes, id, id);
    return std::move(bytes).freeze();
}

// What a server of toys sends back when a client says hello and then `bytes`: its last word.
Task<Error> last_word(Loop& loop, std::string address, Buffer bytes) {
    auto stream = co_await loop::connect(loop, address);
    FrameReader reader(*stream);
    co_await send(*stream, hello_frame(good_hello()));
    co_await reader.next();
    co_await send(*stream, std::move(bytes));
    for (;;) {
        const Frame last = co_await reader.next();
        if (last.header.kind == Kind::end) co_return refusal(last.payload);
    }
}

// A server that is played by a test, one connection after the other.
struct Stage {
    explicit Stage(Loop& on) : loop(on), listener(*loop::listen(on, "127.0.0.1:0")) {}

    // The next client, after its hello and the request of its greeting.
    struct Guest {
        std::unique_ptr<loop::Stream> stream;
        std::unique_ptr<FrameReader> reader;
    };
    Task<Guest> welcome(Hello answer) {
        Guest guest{co_await listener->accept(), nullptr};
        guest.reader = std::make_unique<FrameReader>(*guest.stream);
        co_await guest.reader->next();
        co_await send(*guest.stream, hello_frame(answer));
        co_return guest;
    }
    Task<Guest> greeted() {
        Guest guest = co_await welcome(good_hello());
        const Frame greeting = co_await guest.reader->next();
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

Task<void> ask(Caller<Toy>& caller, std::string text, std::vector<std::string>& answers,
               int& code) {
    auto reply = co_await result(caller.call(Echo{std::move(text)}));
    code = code_of(reply);
    if (reply) answers.push_back(reply->text);
}

}  // namespace

TEST_CASE("a request frame has these bytes for ever") {
    CHECK(to_hex(request(5, Echo{"ab"})) ==
          "0e000000"
          "01"
          "00"
          "0100"
          "0500000000000000"
          "00000000"
          "06000000"
          "02000000"
          "6162");
    CHECK(to_hex(bare_frame({.kind = Kind::cancel, .id = 5})) ==
          "00000000"
          "04"
          "00"
          "0000"
          "0500000000000000");
    CHECK(to_hex(error_frame({.kind = Kind::reply, .op = 1, .id = 5}, {ENOENT, "x"})) ==
          "0d000000"
          "02"
          "01"
          "0100"
          "0500000000000000"
          "09000000"
          "02000000"
          "01000000"
          "78");
    CHECK(to_hex(hello_frame(good_hello()))
              .starts_with("27000000"
                           "00"
                           "00"
                           "0000"
                           "0000000000000000"
                           "23000000"
                           "00666c6578667331"
                           "01000100"));
}

TEST_CASE("frames that are none end their connection with a sentence, and no other") {
    Pair pair(Transport::tcp);
    const std::string address = pair.server.addresses()[0];
    const auto bytes = [](std::string_view text) { return Buffer::copy_of(text); };
    using namespace std::string_view_literals;
    Buffer huge = bare_frame({.kind = Kind::request, .op = 1, .id = 1});
    std::string said(huge.text());
    store_le(reinterpret_cast<std::byte*>(said.data()), std::uint32_t(payload_bytes_max + 1));
    std::string twice;
    for (int i = 0; i < 2; ++i) {
        WritableBuffer wait = request_frame(Wait{"never"});
        set_turn(wait, 7, 7);
        twice += std::move(wait).freeze().text();
    }
    const std::vector<std::pair<Buffer, std::string>> cases = {
        {bytes("\0\0\0\0\x09\0\0\0\0\0\0\0\0\0\0\0"sv), "kind 9"},
        {Buffer::take(said), "more than"},
        {bare_frame({.kind = Kind::reply, .id = 1}), "only servers send"},
        {bare_frame({.kind = Kind::request, .op = 1, .id = 1}), "too short"},
        {Buffer::take(twice), "a second time"},
    };
    const auto outcome = pair.run([&address, &cases](Pair& with) {
        struct Body {
            static Task<void> run(Pair& on, std::string at,
                                  std::vector<std::pair<Buffer, std::string>> all) {
                for (auto& [what, sentence] : all) {
                    const Error word = co_await last_word(on.loop, at, what);
                    CHECK(word.code == EPROTO);
                    CHECK_MESSAGE(word.context.contains(sentence), word.context);
                }
                const Text reply = co_await on.caller->call(Echo{"still here"});
                CHECK(reply.text == "still here");
            }
        };
        return Body::run(with, address, cases);
    });

    CHECK_MESSAGE(outcome, outcome.error().message());
    CHECK(pair.client.connections == 1);
}

TEST_CASE("a request that cannot be decoded is refused alone") {
    Pair pair(Transport::unix_socket);
    const auto outcome = pair.run([](Pair& with) -> Task<void> {
        auto stream = co_await loop::connect(with.loop, with.server.addresses()[0]);
        FrameReader reader(*stream);
        co_await send(*stream, hello_frame(good_hello()));
        co_await reader.next();
        std::string bad(request(1, Echo{"ab"}).text());
        bad[24] = 9;  // the length of its string
        co_await send(*stream, Buffer::take(bad));
        co_await send(*stream, request(2, Echo{"ab"}));
        const Frame first = co_await reader.next();
        const Frame second = co_await reader.next();

        CHECK(first.header.id == 1);
        CHECK(first.header.flags == Header::error_flag);
        CHECK(refusal(first.payload).code == EPROTO);
        CHECK(refusal(first.payload).context.starts_with("echo: malformed message"));
        CHECK(second.header.id == 2);
        CHECK(second.header.flags == 0);
    });

    CHECK_MESSAGE(outcome, outcome.error().message());
}

TEST_CASE("an operation that the service does not know is ENOSYS") {
    Pair pair(Transport::unix_socket);
    ToyClient<NewerToy> client;
    Caller<NewerToy> caller(pair.loop, pair.server.addresses()[0], client);
    REQUIRE(pair.loop.run(caller.start()));

    CHECK(code_of(pair.loop.run(caller.call(Unknown{}))) == ENOSYS);
    CHECK(pair.loop.run(caller.close()));
    CHECK(pair.loop.run(pair.server.close()));
}

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
    CHECK(start(stranger).context.contains("does not speak the protocol"));
}

TEST_CASE("a server refuses other versions, other protocols and strangers, and serves on") {
    Pair pair(Transport::tcp);
    const auto outcome = pair.run([](Pair& with) -> Task<void> {
        struct Knock {
            static Task<Hello> run(Pair& at, Buffer bytes) {
                auto stream = co_await loop::connect(at.loop, at.server.addresses()[0]);
                FrameReader reader(*stream);
                co_await send(*stream, std::move(bytes));
                const Frame said = co_await reader.next();
                if (said.header.kind == Kind::hello)
                    co_return co_await wire::decode<Hello>(said.payload);
                const Error error = refusal(said.payload);
                co_return Hello{.code = error.code, .reason = error.context};
            }
        };
        Hello newer = good_hello();
        newer.version_min = newer.version_max = 7;
        Hello other = good_hello();
        other.protocol = "chess";
        const Hello to_newer = co_await Knock::run(with, hello_frame(newer));
        const Hello to_other = co_await Knock::run(with, hello_frame(other));
        const Hello to_browser =
            co_await Knock::run(with, Buffer::copy_of("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));

        CHECK(to_newer.code == EPROTO);
        CHECK(to_newer.reason == "it speaks the versions 1 to 1 of the protocol, not 7 to 7");
        CHECK(to_other.reason == "it serves \"toy\", not \"chess\"");
        CHECK(to_browser.code == EPROTO);
        const Text reply = co_await with.caller->call(Echo{"x"});
        CHECK(reply.text == "x");
    });

    CHECK_MESSAGE(outcome, outcome.error().message());
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
            }  // vanishes
            auto second = co_await on.greeted();
            std::vector<Header> asked;
            for (int i = 0; i < 2; ++i) {
                asked.push_back((co_await second.reader->next()).header);
                sequences.push_back(asked.back().id);
            }
            for (const Header& header : asked) co_await on.answer(second, header);
            co_await second.reader->next();  // until the client leaves
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

TEST_CASE("what is waiting when a new greeting is refused ends with that error") {
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

TEST_CASE("a client that vanishes has its handlers stopped and destroyed") {
    Pair pair(Transport::tcp);
    const auto outcome = pair.run([](Pair& with) -> Task<void> {
        {
            auto stream = co_await loop::connect(with.loop, with.server.addresses()[0]);
            FrameReader reader(*stream);
            co_await send(*stream, hello_frame(good_hello()));
            co_await reader.next();
            WritableBuffer wait = request_frame(Wait{"never"});
            set_turn(wait, 1, 1);
            const Buffer whole = std::move(wait).freeze();
            co_await send(*stream, whole);
            co_await until(with.loop, [&with] { return with.service.waiting == 1; });
            co_await send(*stream, whole.slice(0, 20));  // and in the middle of a frame
        }
        co_await until(with.loop, [&with] { return with.service.gone == 1; });
        CHECK(with.service.stopped == 1);
        CHECK(with.server.connections() == 1);
    });

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

TEST_CASE("a client that does not read what is pushed to it is disconnected") {
    Pair pair(Transport::unix_socket);
    const auto outcome = pair.run([](Pair& with) -> Task<void> {
        auto stream = co_await loop::connect(with.loop, with.server.addresses()[0]);
        FrameReader reader(*stream);
        co_await send(*stream, hello_frame(good_hello()));
        co_await reader.next();
        const std::string text(1 << 20, 'x');
        for (int i = 0; i < 40; ++i) with.service.clients.at(1)->push(Note{text});
        co_await until(with.loop, [&with] { return with.service.gone == 1; });
        CHECK(with.server.connections() == 1);
    });

    CHECK_MESSAGE(outcome, outcome.error().message());
}

}  // namespace flexfs::rpc
