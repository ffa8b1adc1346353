// Reads requests from the bytes of a connection. The gate for Boost.Beast's parser.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "lib/http/message.h"

namespace flexfs::http {

// A request as a server sees it.
struct ServerRequest {
    std::string method;
    std::string target;  // path and query, escaped as they were sent
    Headers headers;
    Buffer body;

    std::string_view path() const { return std::string_view(target).substr(0, target.find('?')); }
};

// Reads one request after another. After a refusal it must not be used again.
class RequestParser {
public:
    RequestParser(std::size_t header_bytes_max, std::uint64_t body_bytes_max);
    ~RequestParser();
    RequestParser(const RequestParser&) = delete;
    RequestParser& operator=(const RequestParser&) = delete;

    // Takes what it understands from the start of `input`. Returns true once a request is complete,
    // or the status to refuse it with: 400, 413 (the body is too long), 431 (the headers are).
    std::expected<bool, unsigned> parse(std::string& input);

    bool has_head() const;
    // The client waits for "100 Continue" before it sends the body. Returns true at most once.
    bool awaits_continue();

    // The rest needs a complete request.
    bool keeps_alive() const;
    // Returns the request, and begins with the next.
    ServerRequest take();

private:
    struct State;
    void begin();

    const std::size_t header_bytes_max_;
    const std::uint64_t body_bytes_max_;
    std::unique_ptr<State> state_;
};

// Returns the words that go with a status: "Not Found".
std::string reason_of(unsigned status);

}  // namespace flexfs::http
