// Connected byte streams and their listeners: TCP and unix sockets.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/loop/loop.h"

namespace flexfs::loop {

// One end of a connection. Closed when destroyed; nobody may be waiting on it then: close() ends
// their waits first.
class Stream {
public:
    virtual ~Stream() = default;
    // At least one byte; 0 at the end of the stream. ECONNRESET, ECANCELED. One reader at a time.
    virtual Task<std::size_t> read(MutableBytes into) = 0;
    // All of it, in order. EPIPE, ECONNRESET. One writer at a time. A stopped one (ECANCELED) may
    // have written a part.
    virtual Task<void> write(std::vector<Buffer> pieces) = 0;
    // Waiting reads and writes end with ECANCELED, later ones too.
    virtual void close() = 0;
};

class Listener {
public:
    virtual ~Listener() = default;
    // The next connection. ECANCELED once closed.
    virtual Task<std::unique_ptr<Stream>> accept() = 0;
    virtual void close() = 0;
    // What a client can connect to; the port that was picked, where it was 0.
    virtual std::string address() const = 0;
};

// Addresses: "host:port", "[::1]:port" (literal addresses and names), or "unix:/path". EINVAL with
// a sentence when it is none of these; ECONNREFUSED, ENOENT, ETIMEDOUT, EADDRINUSE, … from the
// system; EHOSTUNREACH for a name that nobody knows. A unix socket's file is made with mode 0600
// and removed on close; a stale one is replaced. A TCP peer that does not answer for 20 s is lost
// (ETIMEDOUT).
Task<std::unique_ptr<Stream>> connect(Loop& loop, std::string address);
Result<std::unique_ptr<Listener>> listen(Loop& loop, const std::string& address);

}  // namespace flexfs::loop
