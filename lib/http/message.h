// HTTP messages as values, for clients and servers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"

namespace flexfs::http {

struct Header {
    std::string name;
    std::string value;
};

// The headers of a message, in their order. Names are compared without case.
class Headers {
public:
    Headers() = default;
    Headers(std::initializer_list<Header> headers) : headers_(headers) {}

    void add(std::string name, std::string value);
    // Replaces all headers of the name.
    void set(std::string name, std::string value);
    // Returns the value of the first header of the name; nothing if there is none.
    std::optional<std::string_view> find(std::string_view name) const;
    auto begin() const { return headers_.begin(); }
    auto end() const { return headers_.end(); }

private:
    std::vector<Header> headers_;
};

struct Request {
    std::string method = "GET";  // GET, HEAD, PUT, POST, DELETE
    std::string url;             // absolute, already escaped
    Headers headers;             // Content-Length, Host and Connection are added by the client
    std::vector<Buffer> body;    // sent for PUT and POST, also if it is empty
    std::uint64_t response_bytes_max = 1 << 20;
};

struct Response {
    unsigned status = 0;
    Headers headers;
    Buffer body;
};

}  // namespace flexfs::http
