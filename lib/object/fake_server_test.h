// An HTTP server on loopback whose answers are made by a function of the test.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/format.h"
#include "lib/base/text.h"
#include "lib/http/client.h"
#include "lib/loop/stream.h"
#include "lib/object/http_text.h"
#include "lib/task/scope.h"

namespace flexfs::object {

struct FakeRequest {
    std::string method;
    std::string path;   // unescaped
    std::string query;  // as it was sent
    http::Headers headers;
    std::string body;

    std::string header(std::string_view name) const {
        return std::string(headers.find(name).value_or(""));
    }
    // Returns the value of a parameter of the query; nothing if there is none.
    std::optional<std::string> parameter(std::string_view name) const {
        for (std::string_view rest = query; !rest.empty();) {
            const auto end = std::min(rest.find('&'), rest.size());
            const auto one = rest.substr(0, end);
            const auto equals = std::min(one.find('='), one.size());
            if (one.substr(0, equals) == name)
                return unescaped(one.substr(std::min(equals + 1, one.size()))).value();
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
        return std::nullopt;
    }
};

struct FakeAnswer {
    unsigned status = 200;
    http::Headers headers;
    std::string body;
    bool cut = false;  // the connection ends one byte before the end
};

class FakeServer {
public:
    using Handler = std::function<FakeAnswer(const FakeRequest&)>;

    FakeServer(Loop& loop, Handler handler) : handler_(std::move(handler)) {
        listener_ = *loop::listen(loop, "127.0.0.1:0");
        scope_.start(accept());
    }
    std::string url() const { return "http://" + listener_->address(); }
    Task<void> close() {
        listener_->close();
        for (loop::Stream* stream : streams_) stream->close();
        co_await scope_.close();
    }

    std::vector<FakeRequest> requests;
    // Returns how many requests had the method.
    std::size_t count(std::string_view method) const {
        return std::size_t(std::ranges::count(requests, method, &FakeRequest::method));
    }

private:
    Task<void> accept() {
        for (;;) scope_.start(serve(co_await listener_->accept()));
    }
    Task<void> serve(std::unique_ptr<loop::Stream> stream) {
        const auto at = streams_.insert(streams_.end(), stream.get());
        static_cast<void>(co_await result(answer_all(*stream)));
        stream->close();
        streams_.erase(at);
    }
    Task<void> answer_all(loop::Stream& stream) {
        std::string unread;
        for (;;) {
            while (!unread.contains("\r\n\r\n")) co_await read(stream, unread);
            const std::size_t head_bytes = unread.find("\r\n\r\n") + 2;
            FakeRequest request = parse(unread.substr(0, head_bytes));
            unread.erase(0, head_bytes + 2);
            if (request.headers.find("Expect"))
                co_await write(stream, "HTTP/1.1 100 Continue\r\n\r\n");
            const auto length = request.headers.find("Content-Length");
            const std::size_t bytes = length ? *parse_number(*length) : 0;
            while (unread.size() < bytes) co_await read(stream, unread);
            request.body = unread.substr(0, bytes);
            unread.erase(0, bytes);
            const bool is_head = request.method == "HEAD";
            requests.push_back(std::move(request));
            const FakeAnswer answer = handler_(requests.back());
            co_await write(stream, text_of(answer, is_head));
            if (answer.cut) co_return;
        }
    }
    static Task<void> read(loop::Stream& stream, std::string& into) {
        std::byte bytes[65536];
        const std::size_t got = co_await stream.read(bytes);
        if (got == 0) co_await fail(EPIPE);
        into += as_text(ByteView(bytes, got));
    }
    static Task<void> write(loop::Stream& stream, std::string text) {
        std::vector<Buffer> pieces;
        pieces.push_back(Buffer::take(std::move(text)));
        co_await stream.write(std::move(pieces));
    }
    // `head` is the request line and the headers, each with its end of line.
    static FakeRequest parse(std::string_view head) {
        FakeRequest request;
        const auto line = [&head] {
            const auto end = head.find("\r\n");
            const auto one = head.substr(0, end);
            head.remove_prefix(end + 2);
            return one;
        };
        const auto first = line();
        const auto space = first.find(' ');
        request.method = first.substr(0, space);
        const auto target = first.substr(space + 1, first.rfind(' ') - space - 1);
        const auto question = std::min(target.find('?'), target.size());
        request.path = unescaped(target.substr(0, question)).value();
        if (question < target.size()) request.query = target.substr(question + 1);
        while (!head.empty()) {
            const auto header = line();
            const auto colon = header.find(':');
            request.headers.add(std::string(header.substr(0, colon)),
                                std::string(header.substr(colon + 2)));
        }
        return request;
    }
    static std::string text_of(const FakeAnswer& answer, bool is_head) {
        std::string text = fmt::format("HTTP/1.1 {} Status\r\n", answer.status);
        for (const http::Header& header : answer.headers)
            text += header.name + ": " + header.value + "\r\n";
        if (!answer.headers.find("Content-Length") && answer.status != 204)
            text += fmt::format("Content-Length: {}\r\n", answer.body.size());
        text += "\r\n";
        if (!is_head) text += answer.body;
        if (answer.cut) text.pop_back();
        return text;
    }

    Handler handler_;
    std::unique_ptr<loop::Listener> listener_;
    std::list<loop::Stream*> streams_;
    Scope scope_;
};

}  // namespace flexfs::object
