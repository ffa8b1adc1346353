#include "lib/rpc/connection.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "lib/rpc/fixture_test.h"

namespace flexfs::rpc {
namespace {

Buffer request(std::uint64_t id, Echo message) {
    WritableBuffer bytes = request_frame(message);
    set_turn(bytes, id, id);
    return std::move(bytes).freeze();
}

// Returns the server's last answer to a client that sends a hello and then `bytes`.
Task<Error> last_word(Loop& loop, std::string address, Buffer bytes) {
    auto stream = co_await loop::connect(loop, address);
    PacketReader reader(*stream);
    co_await send(*stream, hello_frame(good_hello()));
    co_await reader.next();
    co_await send(*stream, std::move(bytes));
    for (;;) {
        const Packet last = co_await reader.next();
        if (last.header.kind == Kind::end) co_return failure(last.payload);
    }
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
          "0e000000"
          "02"
          "01"
          "0100"
          "0500000000000000"
          "0a000000"
          "02000000"
          "01000000"
          "78"
          "00");
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
        PacketReader reader(*stream);
        co_await send(*stream, hello_frame(good_hello()));
        co_await reader.next();
        std::string bad(request(1, Echo{"ab"}).text());
        bad[24] = 9;  // the length of its string
        co_await send(*stream, Buffer::take(bad));
        co_await send(*stream, request(2, Echo{"ab"}));
        const Packet first = co_await reader.next();
        const Packet second = co_await reader.next();

        CHECK(first.header.id == 1);
        CHECK(first.header.flags == Header::error_flag);
        CHECK(failure(first.payload).code == EPROTO);
        CHECK(failure(first.payload).context.starts_with("echo: malformed message"));
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

TEST_CASE("a server refuses other versions, other protocols and strangers, and serves on") {
    Pair pair(Transport::tcp);
    const auto outcome = pair.run([](Pair& with) -> Task<void> {
        struct Knock {
            static Task<Hello> run(Pair& at, Buffer bytes) {
                auto stream = co_await loop::connect(at.loop, at.server.addresses()[0]);
                PacketReader reader(*stream);
                co_await send(*stream, std::move(bytes));
                const Packet said = co_await reader.next();
                if (said.header.kind == Kind::hello)
                    co_return co_await wire::decode<Hello>(said.payload);
                const Error error = failure(said.payload);
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

TEST_CASE("a client that vanishes has its handlers stopped and destroyed") {
    Pair pair(Transport::tcp);
    const auto outcome = pair.run([](Pair& with) -> Task<void> {
        {
            auto stream = co_await loop::connect(with.loop, with.server.addresses()[0]);
            PacketReader reader(*stream);
            co_await send(*stream, hello_frame(good_hello()));
            co_await reader.next();
            WritableBuffer wait = request_frame(Wait{"never"});
            set_turn(wait, 1, 1);
            const Buffer whole = std::move(wait).freeze();
            co_await send(*stream, whole);
            co_await until(with.loop, [&with] { return with.service.waiting == 1; });
            co_await send(*stream,
                          whole.slice(0, 20));  // the connection ends in the middle of a frame
        }
        co_await until(with.loop, [&with] { return with.service.gone == 1; });
        CHECK(with.service.stopped == 1);
        CHECK(with.server.connections() == 1);
    });

    CHECK_MESSAGE(outcome, outcome.error().message());
}

TEST_CASE("a client that does not read what is pushed to it is disconnected") {
    Pair pair(Transport::unix_socket);
    const auto outcome = pair.run([](Pair& with) -> Task<void> {
        auto stream = co_await loop::connect(with.loop, with.server.addresses()[0]);
        PacketReader reader(*stream);
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
