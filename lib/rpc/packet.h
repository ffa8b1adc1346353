// Frames: the units that lib/rpc sends over a stream. All numbers are little endian.
//
//     u32 length    of the payload, at most payload_bytes_max
//     u8  kind      Kind
//     u8  flags     reply: 1 if it is an error
//     u16 op        of the request or push; 0 otherwise
//     u64 id        of the request: its sequence; 0 otherwise
//     payload       hello: Hello, both ways; request: u32 `back`, the message; reply: the message
//                   or Failure; push: the message; cancel: nothing; end: Failure
//
// `back`: every id below id - back is answered and never repeated.
// A client has at most requests_max unanswered requests. The last requests_spare of them are
// reserved for requests that let other requests proceed. A cancelled request counts until its
// answer arrives, which it gets like any other. `end` is the last frame of a server that
// disconnects a client, and carries the reason.
#pragma once

#include <string>
#include <vector>

#include "lib/loop/stream.h"
#include "lib/wire/codec.h"
#include "lib/wire/table.h"

namespace flexfs::rpc {

inline constexpr std::size_t payload_bytes_max = 32 << 20;
inline constexpr std::size_t hello_bytes_max = 4 << 10;
inline constexpr std::size_t requests_max = 1024;
inline constexpr std::size_t requests_spare = 128;
inline constexpr Duration hello_longest = std::chrono::seconds(10);
// If a client does not read, its requests wait while more than the first number of bytes is unsent,
// and a push that exceeds the second disconnects it.
inline constexpr std::size_t unsent_bytes_max = 4 << 20;
inline constexpr std::size_t push_bytes_max = 16 << 20;

enum class Kind : std::uint8_t { hello = 0, request = 1, reply = 2, push = 3, cancel = 4, end = 5 };

struct Header {
    static constexpr std::size_t bytes = 16;
    static constexpr std::uint8_t error_flag = 1;

    std::uint32_t length = 0;
    Kind kind = Kind::hello;
    std::uint8_t flags = 0;
    std::uint16_t op = 0;
    std::uint64_t id = 0;

    void store(std::byte* to) const;
    static Header load(const std::byte* from);
};

// The first frame of each side. The client's hello names the versions that it speaks. The server's
// hello names the version that was chosen, or gives in `code` and `reason` why none was.
struct Hello {
    std::uint64_t magic = 0;
    std::uint16_t version_min = 0;
    std::uint16_t version_max = 0;
    std::uint64_t features = 0;  // bits; the server answers with those that both have
    std::string protocol;        // of the table
    int code = 0;
    std::string reason;
    FLEXFS_FIELDS(magic, version_min, version_max, features, protocol, code, reason)
};
inline constexpr std::uint64_t hello_magic = 0x3173'6678'656c'6600;  // "\0flexfs1"
inline constexpr std::uint16_t version_min = 1;
inline constexpr std::uint16_t version_max = 1;
inline constexpr std::uint64_t features = 0;

// An Error as it is sent.
struct Failure {
    int code = 0;
    std::string context;
    bool refused = false;
    FLEXFS_FIELDS(code, context, refused)
};

// Returns a frame with `message` as payload, preceded by `gap` bytes that the caller fills in.
template <class M>
WritableBuffer frame(Header header, const M& message, std::size_t gap = 0) {
    const std::size_t size = gap + wire::encoded_size(message);
    WritableBuffer memory(Header::bytes + size);
    header.length = std::uint32_t(size);
    header.store(memory.data());
    wire::Encoder(memory.data() + Header::bytes + gap).put(message);
    return memory;
}
inline constexpr std::size_t back_bytes = 4;
// set_turn() stores the id and `back` when the request may be sent.
template <class R>
WritableBuffer request_frame(const R& request) {
    return frame({.kind = Kind::request, .op = wire::op_of<R>}, request, back_bytes);
}
void set_turn(WritableBuffer& request, std::uint64_t id, std::uint64_t oldest);
Buffer bare_frame(Header header);
Buffer error_frame(Header header, Error error);
// Returns the error in the payload of an error_frame().
Error failure(const Buffer& payload);

struct Packet {
    Header header;
    Buffer payload;  // owns its memory alone
};

// Cuts a stream into frames.
class PacketReader {
public:
    explicit PacketReader(loop::Stream& stream);
    // Returns the next frame. ECONNRESET at the end of the stream, also in the middle of a frame;
    // EPROTO if the header is invalid or the payload is longer than `max`.
    Task<Packet> next(std::size_t max = payload_bytes_max);
    // The same in two steps, for a reader that has to make room for the payload first.
    Task<Header> next_header(std::size_t max = payload_bytes_max);
    Task<Packet> payload_of(Header header);

private:
    Task<void> fill(MutableBytes into);

    loop::Stream& stream_;
    WritableBuffer ahead_;  // [begin_, end_) is read but not used
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

// The queue of frames to send. Adding never waits. One task runs send(), which writes everything
// that is queued at once.
class Outbox {
public:
    void add(Buffer frame);
    std::size_t bytes() const { return bytes_; }
    // Waits until at most `limit` bytes are queued.
    Task<void> drained(std::size_t limit);
    // Writes the queued frames until finish() is called or the stream fails.
    Task<void> send(loop::Stream& stream);
    // Lets send() return once the queue is empty.
    void finish();

private:
    std::vector<Buffer> frames_;
    std::size_t bytes_ = 0;  // including the frames that are being written
    bool finished_ = false;
    task::WaitList added_;
    task::WaitList sent_;
};

// Runs send() of `outbox`, then closes the stream. If send() failed and `why` holds no error yet,
// stores the error there.
Task<void> send_all(Outbox& outbox, loop::Stream& stream, Error& why);
Task<void> close_after(Loop& loop, Duration span, loop::Stream& stream);

}  // namespace flexfs::rpc
