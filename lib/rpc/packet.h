// Frames: what lib/rpc sends over a stream. All little endian.
//
//     u32 length    of the payload, at most payload_bytes_max
//     u8  kind      Kind
//     u8  flags     reply: 1 when it is an error
//     u16 op        of the request or push; 0 otherwise
//     u64 id        of the request: its sequence; 0 otherwise
//     payload       hello: Hello, both ways; request: u32 `back`, the message; reply: the message
//                   or Failure; push: the message; cancel: nothing; end: Failure
//
// `back`: every id below id - back is answered and never repeated.
// A client sends at most requests_max requests that are not answered, the last requests_spare of
// them only such that let other requests go on; a cancelled one counts until its answer, which it
// gets like any other. `end` is the last frame of a server that gives up on a client and says why.
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
// A client that does not read: its requests wait beyond the first, it is left beyond the second.
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

// The first frame of each side. The client's names what it speaks; the server's what was chosen, or
// with `code` and `reason` why nothing was.
struct Hello {
    std::uint64_t magic = 0;
    std::uint16_t version_min = 0;
    std::uint16_t version_max = 0;
    std::uint64_t features = 0;  // bits; the server answers with those it has as well
    std::string protocol;        // of the table
    int code = 0;
    std::string reason;
    FLEXFS_FIELDS(magic, version_min, version_max, features, protocol, code, reason)
};
inline constexpr std::uint64_t hello_magic = 0x3173'6678'656c'6600;  // "\0flexfs1"
inline constexpr std::uint16_t version_min = 1;
inline constexpr std::uint16_t version_max = 1;
inline constexpr std::uint64_t features = 0;

// An Error on the wire.
struct Failure {
    int code = 0;
    std::string context;
    bool refused = false;
    FLEXFS_FIELDS(code, context, refused)
};

// A frame with `message` as payload, after `gap` bytes of it.
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
// Its id and `back` are stored when it gets its turn.
template <class R>
WritableBuffer request_frame(const R& request) {
    return frame({.kind = Kind::request, .op = wire::op_of<R>}, request, back_bytes);
}
void set_turn(WritableBuffer& request, std::uint64_t id, std::uint64_t oldest);
Buffer bare_frame(Header header);
Buffer error_frame(Header header, Error error);
// The error that a frame made by error_frame carries.
Error failure(const Buffer& payload);

struct Packet {
    Header header;
    Buffer payload;  // its memory is its own
};

// Cuts a stream into frames.
class PacketReader {
public:
    explicit PacketReader(loop::Stream& stream);
    // ECONNRESET at the end of the stream, also in the middle of a frame; EPROTO for a header that
    // is none, or a payload longer than `max`.
    Task<Packet> next(std::size_t max = payload_bytes_max);
    // The same in two steps, for a reader that first makes room for the payload.
    Task<Header> next_header(std::size_t max = payload_bytes_max);
    Task<Packet> payload_of(Header header);

private:
    Task<void> fill(MutableBytes into);

    loop::Stream& stream_;
    WritableBuffer ahead_;  // [begin_, end_) is read but not used
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

// What waits to be sent. Adding never waits; one task runs send(), which writes as much at a time
// as there is.
class Outbox {
public:
    void add(Buffer frame);
    std::size_t bytes() const { return bytes_; }
    // Until at most `limit` bytes wait.
    Task<void> drained(std::size_t limit);
    // Until finish(), or the stream's error.
    Task<void> send(loop::Stream& stream);
    // send() ends after what is there.
    void finish();

private:
    std::vector<Buffer> frames_;
    std::size_t bytes_ = 0;  // the batch being written included
    bool finished_ = false;
    task::WaitList added_;
    task::WaitList sent_;
};

// Sends what `outbox` gets, and closes the stream where that ends; `why` then has the error, if it
// had none.
Task<void> send_all(Outbox& outbox, loop::Stream& stream, Error& why);
Task<void> close_after(Loop& loop, Duration span, loop::Stream& stream);

}  // namespace flexfs::rpc
