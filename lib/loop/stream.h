// Connected byte streams and their listeners: TCP and unix sockets.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/loop/loop.h"

namespace flexfs::loop {

// One end of a connection. Its destructor closes it; no task may be waiting on it then, so call
// close() first to end the waits.
class Stream {
public:
    virtual ~Stream() = default;
    // Reads at least one byte; returns 0 at the end of the stream. ECONNRESET, ECANCELED. There may
    // be one reader at a time.
    virtual Task<std::size_t> read(MutableBytes into) = 0;
    // Writes all pieces, in order. EPIPE, ECONNRESET. There may be one writer at a time. A stopped
    // write (ECANCELED) may have written a part.
    virtual Task<void> write(std::vector<Buffer> pieces) = 0;
    // Ends waiting and later reads and writes with ECANCELED.
    virtual void close() = 0;
};

class Listener {
public:
    virtual ~Listener() = default;
    // Waits for the next connection. ECANCELED once closed.
    virtual Task<std::unique_ptr<Stream>> accept() = 0;
    virtual void close() = 0;
    // The address that clients can connect to; if port 0 was asked for, it contains the port that
    // the system chose.
    virtual std::string address() const = 0;
};

// Addresses are "host:port", "[::1]:port" (literal addresses and names), or "unix:/path". EINVAL
// with a sentence if the text is none of these; ECONNREFUSED, ENOENT, ETIMEDOUT, EADDRINUSE, … from
// the system; EHOSTUNREACH if the name cannot be resolved. The file of a unix socket is created
// with mode 0600 and removed on close; a stale one is replaced. A TCP peer that does not answer for
// 20 s is considered lost (ETIMEDOUT).
Task<std::unique_ptr<Stream>> connect(Loop& loop, std::string address);
Result<std::unique_ptr<Listener>> listen(Loop& loop, const std::string& address);

}  // namespace flexfs::loop
