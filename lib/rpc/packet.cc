#include "lib/rpc/packet.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "lib/base/format.h"

namespace flexfs::rpc {
namespace {

constexpr std::size_t ahead_bytes = 64 << 10;

}  // namespace

void Header::store(std::byte* to) const {
    store_le(to, length);
    store_le(to + 4, kind);
    store_le(to + 5, flags);
    store_le(to + 6, op);
    store_le(to + 8, id);
}

Header Header::load(const std::byte* from) {
    return {.length = load_le<std::uint32_t>(from),
            .kind = load_le<Kind>(from + 4),
            .flags = load_le<std::uint8_t>(from + 5),
            .op = load_le<std::uint16_t>(from + 6),
            .id = load_le<std::uint64_t>(from + 8)};
}

void set_turn(WritableBuffer& request, std::uint64_t id, std::uint64_t oldest) {
    constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
    store_le(request.data() + 8, id);
    // If the distance does not fit in the field, a smaller one is sent: an older `oldest` is still
    // true.
    store_le(request.data() + Header::bytes, std::uint32_t(std::min(id - oldest, most)));
}

Buffer bare_frame(Header header) {
    WritableBuffer memory(Header::bytes);
    header.length = 0;
    header.store(memory.data());
    return std::move(memory).freeze();
}

Buffer error_frame(Header header, Error error) {
    if (header.kind == Kind::reply) header.flags |= Header::error_flag;
    return frame(header, Failure{error.code, std::move(error.context), error.refused}).freeze();
}

Error failure(const Buffer& payload) {
    auto said = wire::decode<Failure>(payload);
    if (!said) return std::move(said.error());
    if (said->code <= 0) return {EPROTO, fmt::format("an error with the errno {}", said->code)};
    return {.code = said->code, .context = std::move(said->context), .refused = said->refused};
}

PacketReader::PacketReader(loop::Stream& stream) : stream_(stream), ahead_(ahead_bytes) {}

// Takes the bytes that were read ahead, then reads from the stream. A long rest is read directly
// into its place, without a copy.
Task<void> PacketReader::fill(MutableBytes into) {
    while (!into.empty()) {
        if (begin_ == end_) {
            const bool direct = into.size() >= ahead_bytes;
            const MutableBytes target = direct ? into : ahead_.bytes();
            const std::size_t got = co_await stream_.read(target);
            if (got == 0) co_await fail(ECONNRESET, "the peer has closed the connection");
            if (direct) {
                into = into.subspan(got);
                continue;
            }
            begin_ = 0;
            end_ = got;
        }
        const std::size_t size = std::min(into.size(), end_ - begin_);
        std::memcpy(into.data(), ahead_.data() + begin_, size);
        begin_ += size;
        into = into.subspan(size);
    }
}

Task<Packet> PacketReader::next(std::size_t max) {
    const Header header = co_await next_header(max);
    co_return co_await payload_of(header);
}

Task<Header> PacketReader::next_header(std::size_t max) {
    std::byte bytes[Header::bytes];
    co_await fill(bytes);
    const Header header = Header::load(bytes);
    if (header.kind > Kind::end)
        co_return fail(EPROTO, fmt::format("a frame of kind {}", std::to_underlying(header.kind)));
    if (header.length > max)
        co_return fail(
            EPROTO, fmt::format("a frame of {} bytes, which is more than {}", header.length, max));
    co_return header;
}

Task<Packet> PacketReader::payload_of(Header header) {
    WritableBuffer payload(header.length);
    co_await fill(payload.bytes());
    co_return Packet{header, std::move(payload).freeze()};
}

void Outbox::add(Buffer frame) {
    if (finished_) return;
    bytes_ += frame.size();
    frames_.push_back(std::move(frame));
    added_.wake_one();
}

Task<void> Outbox::drained(std::size_t limit) {
    while (bytes_ > limit) co_await sent_.wait();
}

Task<void> Outbox::send(loop::Stream& stream) {
    for (;;) {
        while (frames_.empty() && !finished_) co_await added_.wait();
        if (frames_.empty()) co_return;
        std::size_t size = 0;
        for (const Buffer& frame : frames_) size += frame.size();
        co_await stream.write(std::exchange(frames_, {}));
        bytes_ -= size;
        sent_.wake_all();
    }
}

void Outbox::finish() {
    finished_ = true;
    added_.wake_one();
}

Task<void> send_all(Outbox& outbox, loop::Stream& stream, Error& why) {
    auto outcome = co_await result(outbox.send(stream));
    if (!outcome && why.code == 0) why = std::move(outcome.error());
    stream.close();
}

Task<void> close_after(Loop& loop, Duration span, loop::Stream& stream) {
    co_await loop.sleep(span);
    stream.close();
}

}  // namespace flexfs::rpc
