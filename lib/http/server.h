// An HTTP/1.1 server on the loop, for a process's own pages: metrics, health, administration.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "lib/base/time.h"
#include "lib/http/request_parser.h"
#include "lib/loop/stream.h"

namespace flexfs::http {

// An error becomes a response with status 500 that does not contain it. HEAD is asked as such; the
// body of its response is not sent.
using Handler = std::function<Task<Response>(ServerRequest)>;

// The defaults suit small requests from few clients.
struct ServerLimits {
    std::size_t header_bytes = 16 << 10;
    std::uint64_t body_bytes = 1 << 20;
    std::size_t connections =
        64;  // when one more comes, the one that is idle for longest is closed
    Duration head = std::chrono::seconds(10);  // from a request's first byte to the end of its head
    Duration body = std::chrono::seconds(30);  // from there to the end of its body
    Duration reply = std::chrono::seconds(30);  // until the client has taken the response
    Duration idle = std::chrono::minutes(2);    // between requests, and before the first
};

class Server {
public:
    // Listens on "host:port". Errors as loop::listen().
    static Result<std::unique_ptr<Server>> listen(Loop& loop, const std::string& address,
                                                  Handler handler, ServerLimits limits = {});
    ~Server();  // after close()
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    std::string address() const;
    std::size_t connections() const;
    // Ends running handlers with ECANCELED and closes the connections. The last call.
    Task<void> close();

private:
    struct State;
    explicit Server(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// Makes a response of one line.
Response plain(unsigned status, std::string text);

// Answers by the path of a request: 404 if it has no row, 405 (with Allow) if the row does not have
// the method. HEAD is answered as GET.
class Routes {
public:
    void add(std::string method, std::string path, Handler handler);
    Task<Response> answer(ServerRequest request) const;

private:
    struct Row {
        std::string method, path;
        Handler handler;
    };
    std::vector<Row> rows_;
};

}  // namespace flexfs::http
