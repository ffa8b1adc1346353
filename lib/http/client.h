// HTTP requests over libcurl's multi interface, on the loop. The gate for libcurl.
//
// A response is complete or an error: a body that was cut short, or is longer than announced or
// allowed, never reaches the caller. Redirects are returned, not followed. Nothing is repeated,
// with one exception: a request on a kept connection that ends before any byte of an answer. Most
// often the peer had closed the connection meanwhile; if not, it may have executed the request
// already.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/time.h"
#include "lib/http/message.h"
#include "lib/loop/loop.h"

namespace flexfs::http {

// Limits of the phases of a request. Each ends it with ETIMEDOUT and a sentence that names the
// phase.
struct Timeouts {
    Duration connect = std::chrono::seconds(10);  // name, TCP and TLS
    Duration first_byte =
        std::chrono::seconds(30);               // from the last byte sent to the first received
    Duration stall = std::chrono::seconds(15);  // no byte moves while a body is transferred
};

struct ClientOptions {
    std::string ca_cert;  // a file of PEM certificates to trust instead of the system's
    std::size_t connections_max = 256;  // requests beyond this number wait
    // Proxies are those of the environment (https_proxy, no_proxy, …) unless this is set.
    bool direct = false;
    Timeouts timeouts;
};

class Client {
public:
    Client(Loop& loop, ClientOptions options = {});
    ~Client();  // after close()
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // Sends the request and returns the complete response, whatever its status. The body is sent
    // from the buffers that it is, and a response of known length is received into one allocation.
    // EINVAL: the URL. EHOSTUNREACH: the name cannot be resolved. ECONNREFUSED, ENETUNREACH,
    // ECONNRESET (also: the body was cut short), ETIMEDOUT. EACCES: the certificate is not
    // trusted, or a proxy refused. EPROTO: the peer does not speak HTTP or TLS. EFBIG: the response
    // has more than `response_bytes_max`. ECANCELED if the task is stopped; the connection is freed
    // at once. Every error has a sentence without query, headers or other secrets.
    Task<Response> send(Request request);

    // Ends running requests with ECANCELED and closes the connections. The last call.
    Task<void> close();

    struct Counters {
        std::uint64_t requests = 0;     // that began
        std::uint64_t connections = 0;  // that were opened
    };
    Counters counters() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace flexfs::http
