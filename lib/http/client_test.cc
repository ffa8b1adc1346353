#include "lib/http/client.h"

#include <stdlib.h>

#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <fstream>
#include <random>
#include <string>

#include "lib/base/check.h"
#include "lib/http/script_test.h"

namespace flexfs::http {
namespace {

constexpr std::size_t mib = 1 << 20;

// Answers every request of a connection with the path that it asked for.
Task<void> echo_paths(Talk& talk) {
    for (;;) {
        const std::string head = co_await talk.head();
        if (head.empty()) co_return;
        ++talk.server.requests;
        const std::size_t first = head.find(' ') + 1;
        const std::string path = head.substr(first, head.find(' ', first) - first);
        co_await talk.say("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(path.size()) +
                          "\r\nX-Method: " + head.substr(0, first - 1) + "\r\n\r\n" +
                          (head.starts_with("HEAD ") ? "" : path));
    }
}

// Reads a body of the announced length, and answers with nothing.
Task<void> take_bodies(Talk& talk) {
    for (;;) {
        const std::string head = co_await talk.head();
        if (head.empty()) co_return;
        ++talk.server.requests;
        talk.server.note = head;
        const std::size_t length = head.find("Content-Length: ");
        check(length != std::string::npos);
        const std::size_t size = std::stoul(head.substr(length + 16));
        if (size > mib) check(co_await talk.skip(size) == size);
        else talk.server.note += co_await talk.body(size);
        co_await talk.say("HTTP/1.1 204 No Content\r\n\r\n");
    }
}

std::size_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t pages = 0;
    statm >> pages >> pages;
    return pages * std::size_t(::sysconf(_SC_PAGESIZE));
}

Task<void> expect_path(Client& client, std::string url, std::string path) {
    const Response response = co_await client.send({.url = url + path});
    CHECK(response.body.text() == path);
}

}  // namespace

TEST_CASE("a response arrives with its status, headers and body") {
    Meeting meeting([](Talk& talk) -> Task<void> {
        talk.server.note = co_await talk.head();
        co_await talk.say(
            "HTTP/1.1 404 Not Found\r\nETag:  \"a b\" \r\nEmpty:\r\n"
            "Content-Length: 5\r\n\r\nhello");
    });

    const Headers wanted{{"Range", "bytes=1-5"}, {"None", ""}};
    const Response response =
        meeting.ask({.url = meeting.server.url("/a/../b%20c?x=1"), .headers = wanted}).value();
    CHECK(response.status == 404);
    CHECK(response.headers.find("etag") == "\"a b\"");
    CHECK(response.headers.find("empty") == "");
    CHECK(response.body.text() == "hello");
    const std::string& sent = meeting.server.note;
    CHECK(sent.starts_with("GET /a/../b%20c?x=1 HTTP/1.1\r\n"));
    CHECK(sent.contains("\r\nHost: " + meeting.server.address() + "\r\n"));
    CHECK(sent.contains("\r\nRange: bytes=1-5\r\n"));
    CHECK(sent.contains("\r\nNone:\r\n"));
}

TEST_CASE("requests one after another use one connection") {
    Meeting meeting(echo_paths);

    for (int i = 0; i < 10; ++i) {
        const std::string path = "/" + std::to_string(i);
        CHECK(meeting.get(path).value().body.text() == path);
    }
    CHECK(meeting.server.connections == 1);
    CHECK(meeting.client.counters().connections == 1);
    CHECK(meeting.client.counters().requests == 10);
}

TEST_CASE("at most connections_max requests run at a time, and the others wait") {
    Meeting meeting(echo_paths, {.connections_max = 4});
    auto all = [](Meeting& in) -> Task<void> {
        std::vector<Task<void>> tasks;
        for (int i = 0; i < 100; ++i)
            tasks.push_back(expect_path(in.client, in.server.url(""), "/" + std::to_string(i)));
        co_await task::all(std::move(tasks));
    };

    CHECK(meeting.loop.run(all(meeting)));
    CHECK(meeting.server.requests == 100);
    CHECK(meeting.server.connections == 4);
    CHECK(meeting.server.open_max == 4);
}

TEST_CASE("a body of unknown length is received whole") {
    Meeting meeting([](Talk& talk) -> Task<void> {
        co_await talk.head();
        std::string answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (char c = 'a'; c <= 'j'; ++c) answer += "9c40\r\n" + std::string(40000, c) + "\r\n";
        co_await talk.say(answer + "0\r\nTrailer: 1\r\n\r\n");
        co_await talk.head();
        co_await talk.say("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end");
    });

    const Response chunked = meeting.get().value();
    REQUIRE(chunked.body.size() == 400000);
    CHECK(chunked.body.text()[399999] == 'j');
    CHECK(chunked.headers.find("Trailer") == std::nullopt);
    CHECK(meeting.get().value().body.text() == "to the end");
    CHECK(meeting.server.connections == 1);
}

TEST_CASE("HEAD, 204 and 304 have no body, whatever length they announce") {
    Meeting meeting([](Talk& talk) -> Task<void> {
        co_await talk.head();
        co_await talk.say("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n");
        co_await talk.head();
        co_await talk.say("HTTP/1.1 204 No Content\r\n\r\n");
        co_await talk.head();
        co_await talk.say("HTTP/1.1 304 Not Modified\r\nContent-Length: 99999999\r\n\r\n");
        co_await talk.head();
        co_await talk.say(
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });

    const Response head = meeting.ask({.method = "HEAD", .url = meeting.server.url()}).value();
    CHECK(head.headers.find("Content-Length") == "99999999");
    CHECK(head.body.empty());
    CHECK(meeting.get().value().status == 204);
    CHECK(meeting.get().value().status == 304);
    const Response last = meeting.get().value();
    CHECK(last.status == 200);
    CHECK(last.headers.find("Link") == std::nullopt);
    CHECK(meeting.server.connections == 1);
}

TEST_CASE("PUT and POST send their body with its length, also if it is empty; others send none") {
    Meeting meeting(take_bodies);
    std::vector<Buffer> three{Buffer::copy_of("one "), Buffer(), Buffer::copy_of("two")};

    CHECK(meeting.ask(put(meeting.server.url(), three)).value().status == 204);
    CHECK(meeting.server.note.starts_with("PUT / "));
    CHECK(meeting.server.note.ends_with("\r\n\r\none two"));
    CHECK_FALSE(meeting.server.note.contains("Expect"));
    CHECK(meeting.ask(put(meeting.server.url(), {})).value().status == 204);
    CHECK(meeting.server.note.contains("Content-Length: 0\r\n"));
    CHECK(meeting.ask({.method = "POST", .url = meeting.server.url(), .body = three}));
    CHECK(meeting.server.note.ends_with("\r\n\r\none two"));
    CHECK_FALSE(meeting.server.note.contains("Content-Type"));
    CHECK(meeting.ask({.method = "POST",
                       .url = meeting.server.url(),
                       .headers = {{"content-type", "text/plain"}}}));
    CHECK(meeting.server.note.contains("content-type: text/plain\r\n"));
    CHECK(meeting.server.note.contains("Content-Length: 0\r\n"));
    CHECK(meeting.server.connections == 1);
}

TEST_CASE("DELETE and GET have no body, and redirects are returned") {
    Meeting meeting([](Talk& talk) -> Task<void> {
        talk.server.note = co_await talk.head();
        co_await talk.say(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\n"
            "Content-Length: 0\r\n\r\n");
        co_await talk.wait_for_end();
    });

    const Response response =
        meeting
            .ask(
                {.method = "DELETE", .url = meeting.server.url("/x"), .body = pieces("never sent")})
            .value();
    CHECK(response.status == 307);
    CHECK(response.headers.find("Location") == "http://127.0.0.1:1/");
    CHECK(meeting.server.note.starts_with("DELETE /x HTTP/1.1\r\n"));
    CHECK_FALSE(meeting.server.note.contains("Content-Length"));
}

TEST_CASE("a large body is sent from its buffers, without a copy of it") {
    Meeting meeting(take_bodies);
    const Buffer piece = Buffer::take(std::string(mib, 'x'));
    REQUIRE(meeting.ask(put(meeting.server.url(), {piece, piece})));

    const std::size_t before = resident_bytes();
    CHECK(meeting.ask(put(meeting.server.url(), std::vector<Buffer>(64, piece))).value().status ==
          204);
    CHECK(meeting.server.note.contains("Content-Length: 67108864\r\n"));
    CHECK_FALSE(meeting.server.note.contains("Expect"));
    CHECK(resident_bytes() < before + 16 * mib);
}

TEST_CASE("a request on a kept connection that ends without an answer is sent again, whole") {
    Meeting meeting([](Talk& talk) -> Task<void> {
        if (talk.server.connections == 1) {
            co_await talk.head();
            co_await talk.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            co_await talk.head();
            co_await talk.skip(300000);
            co_return;
        }
        co_await talk.head();
        talk.server.note = co_await talk.body(600000);
        co_await talk.say("HTTP/1.1 204 No Content\r\n\r\n");
    });
    std::string body(600000, 'x');
    for (std::size_t i = 0; i < body.size(); i += 1000) body[i] = char('a' + i / 1000 % 26);
    REQUIRE(meeting.get());

    CHECK(meeting.ask(put(meeting.server.url(), pieces(body))).value().status == 204);
    CHECK(meeting.server.note == body);
    CHECK(meeting.server.connections == 2);
    CHECK(meeting.client.counters().connections == 2);
}

TEST_CASE("an answer that comes before the whole body was sent is returned") {
    Meeting meeting([](Talk& talk) -> Task<void> {
        co_await talk.head();
        co_await talk.say("HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\ndenied");
        co_await talk.wait_for_end();
    });
    const Buffer piece = Buffer::take(std::string(mib, 'x'));

    const Response response =
        meeting.ask(put(meeting.server.url(), std::vector<Buffer>(64, piece))).value();
    CHECK(response.status == 403);
    CHECK(response.body.text() == "denied");
}

TEST_CASE("requests go through the proxy of the environment, unless the client is direct") {
    Meeting proxied([](Talk& talk) -> Task<void> {
        for (;;) {
            const std::string head = co_await talk.head();
            if (head.empty()) co_return;
            talk.server.note = head;
            if (head.starts_with("CONNECT"))
                co_return co_await talk.say("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
            co_await talk.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    ::setenv("http_proxy", proxied.server.url().c_str(), 1);
    ::setenv("https_proxy", proxied.server.url().c_str(), 1);

    CHECK(proxied.ask({.url = "http://bucket.invalid/a"}));
    CHECK(proxied.server.note.starts_with("GET http://bucket.invalid/a HTTP/1.1\r\n"));
    const auto refused = proxied.ask({.url = "https://bucket.invalid/a?secret"});
    CHECK(refused.error().code == EACCES);
    CHECK(refused.error().message() ==
          "the proxy refused a connection to bucket.invalid with status 407");
    {
        Meeting direct(echo_paths, {.direct = true});
        CHECK(direct.get("/x").value().body.text() == "/x");
    }
    ::unsetenv("http_proxy");
    ::unsetenv("https_proxy");
}

}  // namespace flexfs::http
