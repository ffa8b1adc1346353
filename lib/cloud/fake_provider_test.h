// A provider for tests: an HTTP server whose answers a test decides, and the surroundings of a
// signer.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/format.h"
#include "lib/base/scratch_test.h"
#include "lib/base/text.h"
#include "lib/cloud/signers.h"
#include "lib/cloud/url.h"
#include "lib/loop/stream.h"
#include "lib/task/scope.h"
#include "lib/task/sync.h"

namespace flexfs::cloud {

struct FakeRequest {
    std::string method;
    std::string target;
    http::Headers headers;
    std::string body;

    std::string header(const char* name) const {
        return std::string(headers.find(name).value_or(""));
    }
    // Returns a field of a form, or of the query.
    std::string field(std::string_view name) const {
        const auto question = std::min(target.find('?'), target.size() - 1);
        for (const std::string& text : {body, target.substr(question + 1)})
            for (const auto& [key, value] : fields_of(text))
                if (key == name) return value;
        return {};
    }
};

struct FakeAnswer {
    unsigned status = 200;
    std::string body;
};

class FakeProvider {
public:
    using Handler = std::function<FakeAnswer(const FakeRequest&)>;

    explicit FakeProvider(Loop& loop) : listener_(*loop::listen(loop, "127.0.0.1:0")) {
        scope_.start(accept());
    }
    std::string url(std::string path = "") const { return "http://" + address() + path; }
    std::string address() const { return listener_->address(); }
    Task<void> close() {
        listener_->close();
        for (loop::Stream* stream : streams_) stream->close();
        co_await scope_.close();
    }

    Handler handler;
    std::vector<FakeRequest> requests;
    task::Event* gate = nullptr;  // an answer waits until it is set

private:
    Task<void> accept() {
        for (;;) scope_.start(serve(co_await listener_->accept()));
    }
    Task<void> serve(std::unique_ptr<loop::Stream> stream) {
        const auto at = streams_.insert(streams_.end(), stream.get());
        static_cast<void>(co_await result(talk(*stream)));
        stream->close();
        streams_.erase(at);
    }
    // The stream lives in the frame of serve().
    Task<void> talk(loop::Stream& stream) {
        std::string unread;
        std::vector<std::byte> room(64 << 10);
        for (;;) {
            std::size_t wanted = std::string::npos;
            for (;;) {
                if (const auto end = unread.find("\r\n\r\n"); end != std::string::npos) {
                    wanted = end + 4 + body_bytes(unread.substr(0, end + 2));
                    if (unread.size() >= wanted) break;
                }
                const std::size_t got = co_await stream.read(room);
                if (got == 0) co_return;
                unread += as_text(ByteView(room.data(), got));
            }
            requests.push_back(parsed(unread.substr(0, wanted)));
            unread.erase(0, wanted);
            if (gate) co_await gate->wait();
            const FakeAnswer answer = handler(requests.back());
            std::vector<Buffer> pieces;
            pieces.push_back(
                Buffer::take(fmt::format("HTTP/1.1 {} Answer\r\nContent-Length: {}\r\n\r\n{}",
                                         answer.status, answer.body.size(), answer.body)));
            co_await stream.write(std::move(pieces));
        }
    }
    static std::size_t body_bytes(const std::string& head) {
        const auto at = lower_case(head).find("\r\ncontent-length: ");
        if (at == std::string::npos) return 0;
        const auto begin = at + 18;
        return *parse_number(head.substr(begin, head.find('\r', begin) - begin));
    }
    static FakeRequest parsed(const std::string& text) {
        FakeRequest request;
        std::size_t at = text.find(' ');
        request.method = text.substr(0, at);
        request.target = text.substr(at + 1, text.find(' ', at + 1) - at - 1);
        at = text.find("\r\n") + 2;
        while (text.compare(at, 2, "\r\n") != 0) {
            const auto end = text.find("\r\n", at), colon = text.find(": ", at);
            request.headers.add(text.substr(at, colon - at),
                                text.substr(colon + 2, end - colon - 2));
            at = end + 2;
        }
        request.body = text.substr(at + 2);
        return request;
    }

    std::unique_ptr<loop::Listener> listener_;
    std::list<loop::Stream*> streams_;
    Scope scope_;
};

// A machine at a moment: without environment variables, and with an empty home directory.
struct World {
    Loop loop;
    FakeProvider server{loop};
    http::Client client{loop, {.direct = true}};
    TestFolder home;
    std::map<std::string, std::string> environment = {{"HOME", home.path()}};
    Time now = *parse_time("2026-01-01T00:00:00Z");
    std::unique_ptr<Signer> signer;

    World() {
        server.handler = [](const FakeRequest&) { return FakeAnswer{.status = 404}; };
    }
    ~World() {
        if (signer) CHECK(loop.run(signer->close()));
        CHECK(loop.run(client.close()));
        CHECK(loop.run(server.close()));
    }

    Variables variables() {
        return [this](const std::string& name) {
            const auto at = environment.find(name);
            return at == environment.end() ? std::string() : at->second;
        };
    }
    void make_signer(Identity identity = {}) {
        signer = cloud::make_signer(
            loop, client, std::move(identity), [this] { return now; }, variables());
    }
    void write(const std::string& name, const std::string& text) {
        const std::string path = home.path() + "/" + name;
        std::filesystem::create_directories(std::filesystem::path(path).parent_path());
        std::ofstream(path) << text;
    }
    void pass(std::int64_t seconds) { now += seconds * 1'000'000'000; }
    std::string in_seconds(std::int64_t seconds) const {
        return format_time(now + seconds * 1'000'000'000);
    }

    // Signs with a new signer if there is none; returns the value of the header Authorization, or
    // the error.
    std::string signed_by(http::Request request = {.url = "https://bucket.example.com/key"}) {
        if (!signer) make_signer();
        const auto done = loop.run(signer->sign(request));
        if (!done) return done.error().message();
        return std::string(request.headers.find("Authorization").value_or("not signed"));
    }
    // Returns the id of the key that signed a request, or the error.
    std::string key_used() {
        const std::string header = signed_by();
        const auto begin = header.find("Credential=");
        if (begin == std::string::npos) return header;
        return header.substr(begin + 11, header.find('/', begin) - begin - 11);
    }
    // Lets tasks that are in progress go on until `done`.
    void run_until(const std::function<bool()>& done) {
        for (int turn = 0; !done(); ++turn) {
            REQUIRE(turn < 10'000);
            CHECK(loop.run(loop.sleep(std::chrono::milliseconds(1))));
        }
    }
};

}  // namespace flexfs::cloud
