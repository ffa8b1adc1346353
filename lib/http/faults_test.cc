// Servers that answer late, never, too much or nonsense, and requests that are given up.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "lib/base/check.h"
#include "lib/base/format.h"
#include "lib/http/script_test.h"

namespace flexfs::http {
namespace {

// Returns the error of a request for /?secret.
Error trouble(ScriptedServer::Script script, ClientOptions options = {}) {
    Meeting meeting(script, std::move(options));
    const auto outcome = meeting.get("/?secret");
    REQUIRE(!outcome);
    CHECK_FALSE(outcome.error().message().contains("secret"));
    CHECK(outcome.error().message().contains(meeting.server.address()));
    return outcome.error();
}

// A port on which nobody accepts connections, and whose queue of waiting ones is full.
struct FullPort {
    int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int filler[8];
    sockaddr_in name{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};

    FullPort() {
        socklen_t size = sizeof name;
        auto* address = reinterpret_cast<sockaddr*>(&name);
        check(::bind(listener, address, size) == 0 && ::listen(listener, 0) == 0);
        check(::getsockname(listener, address, &size) == 0);
        for (int& fd : filler) {
            fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
            static_cast<void>(::connect(fd, address, size));
        }
    }
    ~FullPort() {
        ::close(listener);
        for (const int fd : filler) ::close(fd);
    }
    std::string address() const { return "127.0.0.1:" + std::to_string(ntohs(name.sin_port)); }
};

Task<void> drop(Task<Response> request) {
    co_await std::move(request);
}

Task<void> ask_and_wait(Talk& talk) {
    co_await talk.head();
    talk.server.asked.set();
    co_await talk.wait_for_end();
}

}  // namespace

TEST_CASE("a body that is cut short, or a connection that ends without an answer, is ECONNRESET") {
    const Error cut = trouble([](Talk& talk) -> Task<void> {
        co_await talk.head();
        co_await talk.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123456789");
    });
    CHECK(cut.code == ECONNRESET);
    CHECK(cut.message().contains("in the middle of a response"));
    const Error chunk = trouble([](Talk& talk) -> Task<void> {
        co_await talk.head();
        co_await talk.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    });
    CHECK(chunk.code == ECONNRESET);
    const Error nothing = trouble([](Talk& talk) -> Task<void> { co_await talk.head(); });
    CHECK(nothing.code == ECONNRESET);
    CHECK(nothing.message().contains("without an answer"));
    const Error reset = trouble([](Talk& talk) -> Task<void> {
        co_await talk.read_more();
        co_await talk.say("HTTP/1.1 200 OK\r\nContent-Le");
    });
    CHECK(reset.code == ECONNRESET);
}

TEST_CASE("a response with more than response_bytes_max is EFBIG, and its connection is closed") {
    Meeting meeting([](Talk& talk) -> Task<void> {
        co_await talk.head();
        if (talk.server.connections == 1)
            co_await talk.say("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n");
        if (talk.server.connections == 2)
            co_await talk.say("HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x'));
        if (talk.server.connections == 3)
            co_await talk.say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" +
                              std::string(1000, 'x'));
        co_await talk.wait_for_end();
    });
    const Request request{.url = meeting.server.url(), .response_bytes_max = 1000};

    for (std::size_t number = 1; number <= 2; ++number) {
        meeting.server.left.reset();
        const auto outcome = meeting.ask(request);
        CHECK(outcome.error().code == EFBIG);
        CHECK(outcome.error().message().contains("more than 1000 B"));
        CHECK(meeting.loop.run(meeting.server.left.wait()));
        CHECK(meeting.server.connections == number);
    }
    CHECK(meeting.ask(request).value().body.size() == 1000);
}

TEST_CASE("a peer that does not speak HTTP is EPROTO") {
    CHECK(trouble([](Talk& talk) -> Task<void> {
              co_await talk.head();
              co_await talk.say("SSH-2.0-OpenSSH_9.2\r\n" + std::string(100, 'x'));
          }).code == EPROTO);
    CHECK(trouble([](Talk& talk) -> Task<void> {
              co_await talk.head();
              co_await talk.say("HTTP/1.1 abc\r\nContent-Length: 1\r\n\r\nx");
          }).code == EPROTO);
    CHECK(trouble([](Talk& talk) -> Task<void> {
              co_await talk.head();
              co_await talk.say("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nx");
          }).code == EPROTO);
}

TEST_CASE("megabytes of headers are EPROTO") {
    CHECK(trouble([](Talk& talk) -> Task<void> {
              co_await talk.head();
              co_await talk.say("HTTP/1.1 200 OK\r\nA: " + std::string(5 << 20, 'x'));
          }).code == EPROTO);
    const Error many = trouble([](Talk& talk) -> Task<void> {
        co_await talk.head();
        std::string answer = "HTTP/1.1 200 OK\r\n";
        for (int i = 0; i < 50000; ++i) answer += "Header-" + std::to_string(i) + ": value\r\n";
        co_await talk.say(answer + "\r\n");
    });
    CHECK(many.code == EPROTO);
    CHECK(many.message().contains("headers"));
}

TEST_CASE("each phase has a time limit, and its error names the phase") {
    const auto late = [](ScriptedServer::Script script) {
        const Error error = trouble(script, {.timeouts = short_timeouts()});
        CHECK(error.code == ETIMEDOUT);
        return error.message();
    };
    CHECK(late([](Talk& talk) -> Task<void> {
              co_await talk.wait_for_end();
          }).contains("did not answer within 80 ms"));
    CHECK(late([](Talk& talk) -> Task<void> {
              co_await talk.head();
              for (int i = 0; i < 100; ++i) {
                  co_await talk.say(i == 0 ? "HTTP/1.1 200 OK\r\n" : "A: b\r\n");
                  co_await talk.server.loop.sleep(std::chrono::milliseconds(20));
              }
          }).contains("did not end the head of a response within"));
    CHECK(late([](Talk& talk) -> Task<void> {
              co_await talk.head();
              co_await talk.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123");
              co_await talk.wait_for_end();
          }).contains("did not continue the body of a response within"));
    {
        Meeting meeting(
            [](Talk& talk) -> Task<void> {
                co_await talk.head();
                co_await talk.server.asked.wait();
            },
            {.timeouts = short_timeouts()});
        const Buffer piece = Buffer::take(std::string(1 << 20, 'x'));
        const auto outcome = meeting.ask(put(meeting.server.url(), std::vector<Buffer>(64, piece)));
        CHECK(outcome.error().code == ETIMEDOUT);
        CHECK(outcome.error().message().contains("received no more data within 80 ms"));
        const auto handshake = meeting.ask({.url = "https://" + meeting.server.address()});
        CHECK(handshake.error().code == ETIMEDOUT);
        CHECK(handshake.error().message() ==
              "no connection to " + meeting.server.address() + " was established within 200 ms");
    }
    {
        Meeting meeting(ask_and_wait, {.timeouts = short_timeouts()});
        const FullPort port;
        const auto outcome = meeting.ask({.url = "http://" + port.address() + "/?secret"});
        CHECK(outcome.error().code == ETIMEDOUT);
        CHECK(outcome.error().message() ==
              "no connection to " + port.address() + " was established within 200 ms");
    }
}

TEST_CASE("a transfer that takes longer than every limit does not end while bytes move") {
    using std::chrono::milliseconds;
    Meeting meeting(
        [](Talk& talk) -> Task<void> {
            co_await talk.head();
            for (std::size_t left = 15 << 20; left > 0;) {
                const std::size_t now = co_await talk.skip(std::min<std::size_t>(left, 3 << 19));
                if (now == 0) co_return;
                left -= std::min(left, now);
                co_await talk.server.loop.sleep(milliseconds(200));
            }
            co_await talk.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
            for (int i = 0; i < 10; ++i) {
                co_await talk.say("x");
                co_await talk.server.loop.sleep(milliseconds(100));
            }
        },
        {.timeouts = {.first_byte = milliseconds(600), .stall = milliseconds(600)}});
    const Buffer piece = Buffer::take(std::string(1 << 20, 'x'));

    const auto outcome = meeting.ask(put(meeting.server.url(), std::vector<Buffer>(15, piece)));
    REQUIRE_MESSAGE(outcome, outcome.error().message());
    CHECK(outcome->body.text() == "xxxxxxxxxx");
}

TEST_CASE("a refused port is ECONNREFUSED, and a name that does not resolve EHOSTUNREACH") {
    Meeting meeting(ask_and_wait);
    std::string address;
    {
        ScriptedServer gone(meeting.loop, ask_and_wait);
        address = gone.address();
        CHECK(meeting.loop.run(gone.close()));
    }

    const auto refused = meeting.ask({.url = "http://" + address + "/?secret"});
    CHECK(refused.error().code == ECONNREFUSED);
    CHECK(refused.error().message() == "connect to " + address + ": Connection refused");
    const auto unknown = meeting.ask({.url = "http://no-such-host.invalid/?secret"});
    CHECK(unknown.error().code == EHOSTUNREACH);
    CHECK(unknown.error().message() == "the name of no-such-host.invalid cannot be resolved");
    CHECK(meeting.ask({.url = "http://user:secret@h/"}).error().code == EINVAL);
}

TEST_CASE("a stopped request ends with ECANCELED and closes its connection") {
    Meeting meeting(ask_and_wait);
    auto main = [](Meeting& in) -> Task<void> {
        Scope scope;
        scope.start(drop(in.client.send({.url = in.server.url()})));
        co_await in.server.asked.wait();
        CHECK(in.server.open == 1);
        co_await scope.close();
        co_await in.server.left.wait();
    };

    CHECK(meeting.loop.run(main(meeting)));
    CHECK(meeting.server.connections == 1);
}

TEST_CASE("a request that is stopped while a name is resolved or a place awaited ends at once") {
    Meeting meeting(ask_and_wait, {.connections_max = 2});
    auto main = [](Meeting& in) -> Task<void> {
        Scope scope;
        scope.start(drop(in.client.send({.url = "http://no-such-host.invalid/"})));
        for (int i = 0; i < 3; ++i) scope.start(drop(in.client.send({.url = in.server.url()})));
        co_await in.server.asked.wait();
        co_await scope.close();
    };

    CHECK(meeting.loop.run(main(meeting)));
    CHECK(meeting.server.connections == 1);
}

TEST_CASE("close ends running and waiting requests with ECANCELED, and closes the connections") {
    Loop loop;
    ScriptedServer server(loop, ask_and_wait);
    Client client(loop, {.connections_max = 1});
    auto expect_end = [](Client& with, std::string url) -> Task<void> {
        const auto outcome = co_await result(with.send({.url = url}));
        CHECK(code_of(outcome) == ECANCELED);
    };
    auto main = [&](Client& with, ScriptedServer& at) -> Task<void> {
        Scope scope;
        for (int i = 0; i < 2; ++i) scope.start(expect_end(with, at.url()));
        co_await at.asked.wait();
        co_await with.close();
        CHECK(scope.running() == 0);
        co_await at.left.wait();
        co_await scope.join();
    };

    CHECK(loop.run(main(client, server)));
    CHECK(server.connections == 1);
    CHECK(loop.run(server.close()));
}

TEST_CASE("requests stopped at any moment leave the client usable") {
    Meeting meeting(
        [](Talk& talk) -> Task<void> {
            for (;;) {
                if ((co_await talk.head()).empty()) co_return;
                co_await talk.say("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" +
                                  std::string(100000, 'x'));
            }
        },
        {.connections_max = 8});
    auto main = [](Meeting& in) -> Task<void> {
        for (int round = 0; round < 200; ++round) {
            Scope scope;
            for (int i = 0; i < 10; ++i)
                scope.start(drop(in.client.send({.url = in.server.url()})));
            for (int turn = 0; turn < round % 20; ++turn) co_await in.loop.sleep(Duration(1));
            co_await scope.close();
        }
    };

    CHECK(meeting.loop.run(main(meeting)));
    CHECK(meeting.get().value().body.size() == 100000);
}

}  // namespace flexfs::http
