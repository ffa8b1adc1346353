#include "lib/loop/stream.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/check.h"
#include "lib/loop/pool.h"
#include "lib/task/scope.h"
#include "lib/task/sync.h"

namespace flexfs::loop {
namespace {

std::string temporary_path() {
    static int count = 0;
    return "/tmp/flexfs-stream-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

struct Pair {
    std::unique_ptr<Stream> client;
    std::unique_ptr<Stream> server;
};

Task<Pair> connected_pair(Loop& on, std::string address) {
    auto listener = co_await listen(on, address);
    Pair pair;
    pair.client = co_await connect(on, listener->address());
    pair.server = co_await listener->accept();
    co_return pair;
}

Task<std::string> read_all(Stream& from) {
    std::string all;
    std::byte bytes[1000];
    while (std::size_t got = co_await from.read(bytes)) all += as_text(ByteView(bytes, got));
    co_return all;
}

std::vector<std::string> kinds() {
    return {"127.0.0.1:0", "localhost:0", "unix:" + temporary_path()};
}

std::vector<Buffer> pieces(std::string text) {
    std::vector<Buffer> one;
    one.push_back(Buffer::take(std::move(text)));
    return one;
}

Task<void> fill(Stream& to, std::size_t total, std::size_t& sent) {
    while (sent < total) {
        co_await to.write(pieces(std::string(64 << 10, 'x')));
        sent += 64 << 10;
    }
}

// Ends after the loop has polled for events once more.
Task<void> a_turn(Loop& loop) {
    co_await offload(loop, []() -> Result<void> { return {}; });
}

}  // namespace

TEST_CASE("each end reads what the other writes, in order, until the end of the stream") {
    for (const std::string& address : kinds()) {
        CAPTURE(address);
        Loop loop;
        auto main = [](Loop& on, std::string at) -> Task<std::string> {
            Pair pair = co_await connected_pair(on, at);
            std::vector<Buffer> first = pieces("one ");
            first.push_back(Buffer());
            first.push_back(Buffer::copy_of("two "));
            co_await pair.client->write(std::move(first));
            co_await pair.client->write(pieces("three"));
            pair.client->close();
            co_return co_await read_all(*pair.server);
        };

        const auto received = loop.run(main(loop, address));
        INFO((received ? std::string("received") : received.error().message()));
        CHECK(received == "one two three");
    }
}

TEST_CASE("a writer waits while nobody reads, and all arrives once somebody does") {
    for (const std::string& address : kinds()) {
        CAPTURE(address);
        Loop loop;
        auto main = [](Loop& on, std::string at) -> Task<void> {
            constexpr std::size_t total = 64 << 20;
            Pair pair = co_await connected_pair(on, at);
            std::size_t sent = 0;
            Scope scope;
            scope.start(fill(*pair.client, total, sent));
            // Waits until the sockets take no more.
            for (std::size_t before = 0; before < sent;) {
                before = sent;
                for (int turn = 0; turn < 10; ++turn) co_await a_turn(on);
            }
            CHECK(sent < total);

            std::vector<std::byte> bytes(1 << 20);
            std::size_t received = 0;
            while (received < total) received += co_await pair.server->read(bytes);
            CHECK(received == total);
            co_await scope.join();
        };

        CHECK(loop.run(main(loop, address)));
    }
}

TEST_CASE("stopped reads, writes and accepts end with ECANCELED and later reads still work") {
    Loop loop;
    auto main = [](Loop& on) -> Task<void> {
        auto listener = co_await listen(on, "127.0.0.1:0");
        auto client = co_await connect(on, listener->address());
        auto server = co_await listener->accept();
        Scope scope;
        int read_code = 0, write_code = 0, accept_code = 0;
        auto reader = [](Stream& from, int& code) -> Task<void> {
            std::byte bytes[10];
            code = code_of(co_await result(from.read(bytes)));
        };
        auto writer = [](Stream& to, int& code) -> Task<void> {
            std::size_t sent = 0;
            code = code_of(co_await result(fill(to, 1 << 30, sent)));
        };
        auto acceptor = [](Listener& at, int& code) -> Task<void> {
            code = code_of(co_await result(at.accept()));
        };
        scope.start(reader(*server, read_code));
        scope.start(writer(*server, write_code));
        scope.start(acceptor(*listener, accept_code));
        co_await scope.close();
        CHECK(read_code == ECANCELED);
        CHECK(write_code == ECANCELED);
        CHECK(accept_code == ECANCELED);

        co_await client->write(pieces("still there"));
        std::byte bytes[100];
        CHECK(co_await server->read(bytes) == 11);
    };

    CHECK(loop.run(main(loop)));
}

TEST_CASE("closing a stream ends a waiting read, and everything later, with ECANCELED") {
    Loop loop;
    auto main = [](Loop& on) -> Task<void> {
        Pair pair = co_await connected_pair(on, "127.0.0.1:0");
        int code = 0;
        auto reader = [](Stream& from, int& seen) -> Task<void> {
            seen = code_of(co_await result(read_all(from)));
        };
        Scope scope;
        scope.start(reader(*pair.server, code));
        pair.server->close();
        co_await scope.join();
        CHECK(code == ECANCELED);
        std::byte bytes[10];
        CHECK(code_of(co_await result(pair.server->read(bytes))) == ECANCELED);
        CHECK(code_of(co_await result(pair.server->write(pieces("x")))) == ECANCELED);
    };

    CHECK(loop.run(main(loop)));
}

TEST_CASE("writing to a peer that has gone is an error, not a signal") {
    Loop loop;
    auto main = [](Loop& on) -> Task<void> {
        Pair pair = co_await connected_pair(on, "unix:" + temporary_path());
        pair.server.reset();
        std::size_t sent = 0;
        CHECK(code_of(co_await result(fill(*pair.client, 64 << 20, sent))) == EPIPE);
    };

    CHECK(loop.run(main(loop)));
}

TEST_CASE("addresses that are none are refused with a sentence that quotes them") {
    Loop loop;
    for (std::string text : {"", "host", ":1", "host:", "host:65536", "host:x", "::1:5", "unix:"}) {
        CAPTURE(text);
        const auto outcome = listen(loop, text);
        REQUIRE(!outcome);
        CHECK(outcome.error().code == EINVAL);
        CHECK(outcome.error().context.contains('"' + text + '"'));
    }
    CHECK(listen(loop, "unix:/" + std::string(200, 'x')).error().code == ENAMETOOLONG);
}

TEST_CASE("connecting to what is not there says why") {
    Loop loop;
    const std::string path = temporary_path();
    std::string address;
    {
        auto listener = listen(loop, "127.0.0.1:0");
        REQUIRE(listener);
        address = (*listener)->address();
    }

    CHECK(loop.run(connect(loop, "unix:" + path)).error().code == ENOENT);
    CHECK(loop.run(connect(loop, address)).error().code == ECONNREFUSED);
    CHECK(loop.run(connect(loop, "no-such-host.invalid:1")).error().code == EHOSTUNREACH);
}

TEST_CASE("a unix socket is its owner's alone, replaces a stale one, and goes on close") {
    Loop loop;
    const std::string path = temporary_path();
    sockaddr_un name{.sun_family = AF_UNIX};
    std::ranges::copy(path, name.sun_path);
    const int stale = ::socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(::bind(stale, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0);
    ::close(stale);

    auto listener = listen(loop, "unix:" + path);
    REQUIRE(listener);
    struct stat info;
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    CHECK(listen(loop, "unix:" + path).error().code == EADDRINUSE);
    listener->reset();
    CHECK(::stat(path.c_str(), &info) != 0);
}

TEST_CASE("a file that is no socket is not replaced by one") {
    Loop loop;
    const std::string path = temporary_path();
    check(::mkdir(path.c_str(), 0700) == 0);

    CHECK(listen(loop, "unix:" + path).error().code == EADDRINUSE);
    ::rmdir(path.c_str());
}

}  // namespace flexfs::loop
