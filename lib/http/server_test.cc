#include "lib/http/server.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <string>

#include "lib/base/format.h"
#include "lib/http/client.h"
#include "lib/task/scope.h"
#include "lib/task/sync.h"

namespace flexfs::http {
namespace {

using std::chrono::milliseconds;

Task<Response> echo(ServerRequest request) {
    if (request.path() == "/fail") co_return fail(EIO, "a secret");
    co_return plain(200,
                    fmt::format("{} {} {}", request.method, request.target, request.body.text()));
}

Task<std::unique_ptr<loop::Stream>> say(Loop& on, std::string address, std::string text) {
    auto stream = co_await loop::connect(on, address);
    std::vector<Buffer> pieces;
    pieces.push_back(Buffer::take(std::move(text)));
    co_await stream->write(std::move(pieces));
    co_return stream;
}

// Returns what comes until the server closes the connection.
Task<std::string> rest_of(std::unique_ptr<loop::Stream> stream) {
    std::string all;
    std::byte bytes[4096];
    for (;;) {
        const auto got = co_await result(stream->read(bytes));
        if (!got || *got == 0) co_return all;
        all += as_text(ByteView(bytes, *got));
    }
}

Task<std::string> talk(Loop& on, std::string address, std::string text) {
    auto stream = co_await say(on, address, std::move(text));
    co_return co_await rest_of(std::move(stream));
}

ServerLimits tight() {
    return {.header_bytes = 1000,
            .body_bytes = 1000,
            .connections = 3,
            .head = milliseconds(60),
            .body = milliseconds(60),
            .reply = milliseconds(200),
            .idle = milliseconds(400)};
}

struct Served {
    Loop loop;
    std::unique_ptr<Server> server;

    explicit Served(Handler handler = echo, ServerLimits limits = tight())
        : server(*Server::listen(loop, "127.0.0.1:0", std::move(handler), limits)) {}
    ~Served() { CHECK(loop.run(server->close())); }
    std::string ask(std::string text) {
        return *loop.run(talk(loop, server->address(), std::move(text)));
    }
};

}  // namespace

TEST_CASE("requests on one connection are answered in order, until one wants to close it") {
    Served served;

    const std::string answers = served.ask(
        "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"
        "POST /b HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"
        "PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        "HEAD /d HTTP/1.1\r\nConnection: close\r\n\r\n");
    CHECK(answers.starts_with("HTTP/1.1 200 OK\r\n"));
    const std::size_t a = answers.find("\r\n\r\nGET /a?b=c \n"), b = answers.find("POST /b body\n"),
                      c = answers.find("PUT /c abc\n");
    CHECK(a < b);
    CHECK(b < c);
    CHECK(c != std::string::npos);
    CHECK(answers.contains("Content-Length: 13\r\n"));
    CHECK(answers.ends_with("Content-Length: 9\r\nConnection: close\r\n\r\n"));
}

TEST_CASE("our client and our server understand each other") {
    Served served;
    Client client(served.loop);
    const std::string url = "http://" + served.server->address();

    for (int i = 0; i < 3; ++i)
        CHECK(served.loop.run(client.send({.url = url + "/x"})).value().body.text() == "GET /x \n");
    CHECK(served.loop.run(client.send({.method = "HEAD", .url = url})).value().body.empty());
    CHECK(client.counters().connections == 1);
    CHECK(served.loop.run(client.close()));
}

TEST_CASE("a failed handler is status 500, without the error") {
    Served served;

    const std::string answer = served.ask("GET /fail HTTP/1.1\r\nConnection: close\r\n\r\n");
    CHECK(answer.starts_with("HTTP/1.1 500 Internal Server Error\r\n"));
    CHECK_FALSE(answer.contains("secret"));
}

TEST_CASE("malformed and excessive requests get 400, 413 and 431, and their connection is closed") {
    Served served;
    const auto refused = [&](std::string text, std::string status) {
        const std::string answer = served.ask(std::move(text));
        CHECK(answer.starts_with("HTTP/1.1 " + status));
        CHECK(answer.contains("Connection: close\r\n"));
    };
    const std::string start = "POST / HTTP/1.1\r\n";

    refused("nonsense\r\n\r\n", "400");
    refused("GET / HTTP/1.1\r\nA b: c\r\n\r\n", "400");
    refused(start + "Content-Length: 5, 6\r\n\r\n", "400");
    refused(start + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "400");
    refused(start + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "400");
    refused(start + "Content-Length: 1001\r\n\r\n" + std::string(1001, 'x'), "413");
    refused(start + "Transfer-Encoding: chunked\r\n\r\n500\r\n" + std::string(0x500, 'x'), "413");
    refused(start + "A: " + std::string(2000, 'x'), "431");
    refused(std::string(100000, 'x'), "4");
}

TEST_CASE("a slow head or body is status 408, and an idle connection is closed without one") {
    Served served;

    CHECK(served.ask("GET / HT").starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    CHECK(served.ask("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab")
              .starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    CHECK(served.ask("").empty());
    CHECK(served.ask("GET / HTTP/1.1\r\n\r\n").ends_with("GET / \n"));
}

TEST_CASE("a client that waits for permission to send its body gets it") {
    Served served;

    const std::string answer =
        served.ask("POST / HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    CHECK(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 408"));
}

TEST_CASE("beyond the limit of connections, the one that is idle for longest is closed") {
    ServerLimits limits = tight();
    limits.head = milliseconds(700);
    Served served(echo, limits);
    auto main = [](Served& in) -> Task<void> {
        const std::string address = in.server->address();
        std::vector<std::unique_ptr<loop::Stream>> streams;
        for (int i = 0; i < 3; ++i) streams.push_back(co_await say(in.loop, address, "GET /"));
        const std::string answer =
            co_await talk(in.loop, address, "GET /last HTTP/1.1\r\nConnection: close\r\n\r\n");
        CHECK(answer.ends_with("GET /last \n"));
        CHECK(in.server->connections() <= 3);
        CHECK((co_await rest_of(std::move(streams[0]))).empty());
        CHECK((co_await rest_of(std::move(streams[2]))).starts_with("HTTP/1.1 408"));
    };

    CHECK(served.loop.run(main(served)));
}

TEST_CASE("a client that does not take its response is cut off") {
    Served served([](ServerRequest) -> Task<Response> {
        co_return Response{.status = 200, .body = Buffer::take(std::string(64 << 20, 'x'))};
    });
    auto main = [](Served& in) -> Task<void> {
        const auto stream = co_await say(in.loop, in.server->address(), "GET / HTTP/1.1\r\n\r\n");
        for (int i = 0; i < 100 && in.server->connections() < 1; ++i)
            co_await in.loop.sleep(milliseconds(5));
        CHECK(in.server->connections() == 1);
        for (int i = 0; i < 400 && in.server->connections() > 0; ++i)
            co_await in.loop.sleep(milliseconds(5));
        CHECK(in.server->connections() == 0);
    };

    CHECK(served.loop.run(main(served)));
}

TEST_CASE("close ends running handlers") {
    Loop loop;
    task::Event never, asked;
    struct Waits {
        static Task<Response> answer(task::Event& asked, task::Event& never) {
            asked.set();
            co_await never.wait();
            co_return plain(200, "late");
        }
    };
    auto server = *Server::listen(
        loop, "127.0.0.1:0", [&](const ServerRequest&) { return Waits::answer(asked, never); });
    auto main = [&](Server& at) -> Task<void> {
        auto stream = co_await say(loop, at.address(), "GET / HTTP/1.1\r\n\r\n");
        co_await asked.wait();
        co_await at.close();
        CHECK((co_await rest_of(std::move(stream))).empty());
    };

    CHECK(loop.run(main(*server)));
}

TEST_CASE("an unknown path is 404, and a method that the path does not have 405") {
    Loop loop;
    Routes routes;
    routes.add("GET", "/a", echo);
    routes.add("PUT", "/a", echo);
    const auto ask = [&](std::string method, std::string target) {
        return loop.run(routes.answer({.method = method, .target = target})).value();
    };

    CHECK(ask("GET", "/a?x").body.text() == "GET /a?x \n");
    CHECK(ask("HEAD", "/a").status == 200);
    CHECK(ask("PUT", "/a").status == 200);
    CHECK(ask("GET", "/b").status == 404);
    const Response refused = ask("DELETE", "/a");
    CHECK(refused.status == 405);
    CHECK(refused.headers.find("Allow") == "GET, HEAD, PUT");
}

TEST_CASE("an address that is in use is an error") {
    Served served;

    const auto again = Server::listen(served.loop, served.server->address(), echo);
    CHECK(code_of(again) == EADDRINUSE);
}

}  // namespace flexfs::http
