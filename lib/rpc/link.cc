#include "lib/rpc/link.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "lib/base/check.h"
#include "lib/base/format.h"
#include "lib/base/log.h"
#include "lib/task/yield.h"

namespace flexfs::rpc {
namespace {

using namespace std::chrono_literals;

constexpr Duration retry_first = 20ms;
constexpr Duration retry_longest = 2s;

Task<Packet> ask(loop::Stream& stream, PacketReader& reader, Hello hello) {
    std::vector<Buffer> frames;
    frames.push_back(frame(Header{.kind = Kind::hello}, hello).freeze());
    co_await stream.write(std::move(frames));
    co_return co_await reader.next(hello_bytes_max);
}

}  // namespace

// A request without a reply yet; lives in the frame of exchange().
struct Link::Call {
    Buffer frame;
    Lane lane = Lane::ordinary;
    bool recorded = false;
    bool sent = false;  // on this or an earlier connection
    bool answered = false;
    Result<Buffer> reply;
    task::WaitList waiting;

    void end(Result<Buffer> with) {
        reply = std::move(with);
        answered = true;
        waiting.wake_all();
    }
};

Link::Link(Loop& loop, std::string address, std::string_view protocol, Owner& owner)
    : loop_(loop),
      address_(std::move(address)),
      protocol_(protocol),
      owner_(owner),
      random_(std::uint32_t(monotonic_now().count())) {}

Link::~Link() {
    check(calls_.empty());
}

Task<void> Link::start() {
    check(!closed_ && scope_.running() == 0);
    first_.reset();
    scope_.start(live());
    auto waited = co_await result(first_.wait());
    if (!waited) co_await scope_.close();
    co_await std::move(waited);
    co_await std::move(first_outcome_);
}

Task<void> Link::close() {
    closed_ = true;
    co_await scope_.close();
    end_calls(Error{ECANCELED, {}});
    calls_.clear();  // those of cancelled calls
    room_.wake_all();
}

// Connects again and again. Ends if the first attempt fails or the scope is cancelled.
Task<void> Link::live() {
    Duration delay = retry_first;
    for (;;) {
        Result<void> outcome = co_await result(attempt());
        const bool was_open = std::exchange(opened_, false);
        if (!first_.is_set()) {
            first_outcome_ = std::move(outcome);
            first_.set();
            co_return;
        }
        if (scope_.cancelled()) co_return;
        if (was_open) {
            log::info("{}: {}; connecting again", address_, outcome.error().message());
            delay = retry_first;
        }
        const std::uint64_t half = std::uint64_t(delay.count()) / 2;
        co_await loop_.sleep(Duration(half + random_() % half));
        delay = std::min(delay * 2, retry_longest);
    }
}

// Runs one connection from its beginning to its end, which always is an error.
Task<void> Link::attempt() {
    auto stream = co_await loop::connect(loop_, address_);
    PacketReader reader(*stream);
    auto welcome = co_await result(shake_hands(*stream, reader));
    if (!welcome) {
        // This is the service's answer, not a broken connection, so waiting calls end with it.
        if (welcome.error().code == EPROTO) end_calls(welcome.error());
        co_await std::move(welcome);
    }
    Outbox outbox;
    outbox_ = &outbox;
    Scope tasks;
    Error why;
    tasks.start(send_all(outbox, *stream, why));
    tasks.start(receive_all(reader, *stream, why));
    auto greeted = co_await result(owner_.greet());
    if (greeted && outbox_) open_gate();
    if (!greeted && outbox_ && greeted.error().code != ECANCELED) end_calls(greeted.error());
    if (!greeted) stream->close();
    auto joined = co_await result(tasks.join());
    co_await tasks.close();
    lost();
    co_await std::move(greeted);
    co_await std::move(joined);
    co_await fail(std::move(why));
}

Task<void> Link::shake_hands(loop::Stream& stream, PacketReader& reader) {
    Hello hello{.magic = hello_magic,
                .version_min = version_min,
                .version_max = version_max,
                .features = features,
                .protocol = std::string(protocol_)};
    Scope clock;
    clock.start(close_after(loop_, hello_longest, stream));
    auto answer = co_await result(ask(stream, reader, std::move(hello)));
    co_await clock.close();
    const Packet frame = co_await std::move(answer);
    const auto welcome = wire::decode<Hello>(frame.payload);
    if (frame.header.kind != Kind::hello || !welcome || welcome->magic != hello_magic)
        co_await fail(EPROTO, address_ + " does not speak the flexfs protocol");
    if (welcome->code != 0) co_await fail(EPROTO, address_ + ": " + welcome->reason);
}

// When receiving fails, sending ends, too.
Task<void> Link::receive_all(PacketReader& reader, loop::Stream& stream, Error& why) {
    auto outcome = co_await result(receive(reader));
    if (why.code == 0) why = std::move(outcome.error());
    stream.close();
    lost();
}

Task<void> Link::receive(PacketReader& reader) {
    for (;;) {
        Packet frame = co_await reader.next();
        switch (frame.header.kind) {
            case Kind::reply: co_await answer(std::move(frame)); break;
            case Kind::push:
                // Tasks whose calls were answered before this push must see their replies first.
                if (std::exchange(woken_, false)) co_await task::yield();
                co_await owner_.pushed(frame.header.op, frame.payload);
                break;
            case Kind::end: co_await fail(failure(frame.payload)); break;
            default: co_await fail(EPROTO, "a frame that only clients send");
        }
    }
}

Result<void> Link::answer(Packet frame) {
    const auto found = calls_.find(frame.header.id);
    if (found == calls_.end())
        return fail(EPROTO,
                    fmt::format("an answer to request {}, which is not waiting", frame.header.id));
    Call* call = found->second;
    calls_.erase(found);
    room_.wake_all();  // the first waiting call may be of a lane that has no room yet
    if (!call) return {};
    woken_ = true;
    if (frame.header.flags & Header::error_flag) {
        call->end(fail(failure(frame.payload)));
        return {};
    }
    if (call->recorded) last_recorded_ = std::max(last_recorded_, frame.header.id);
    call->end(std::move(frame.payload));
    return {};
}

// Sends the waiting calls in the order of their sequences.
void Link::open_gate() {
    if (!first_.is_set()) first_outcome_ = {};
    first_.set();
    open_ = opened_ = true;
    for (auto& [id, call] : calls_)
        if (call && call->lane != Lane::greeting) send(*call);
}

// Forgets everything that belonged to this connection only. Other calls stay and are sent again.
void Link::lost() {
    if (outbox_) outbox_->finish();
    outbox_ = nullptr;
    open_ = false;
    for (auto at = calls_.begin(); at != calls_.end();) {
        Call* call = at->second;
        const bool goes = !call || call->lane == Lane::greeting;
        if (goes && call) call->end(fail(ECONNRESET, address_));
        at = goes ? calls_.erase(at) : std::next(at);
    }
    room_.wake_all();
}

void Link::send(Call& call) {
    call.sent = true;
    outbox_->add(call.frame);
}

void Link::end_sent_calls(const Error& error) {
    end_calls(error, true);
}

void Link::end_calls(const Error& error, bool sent_only) {
    for (auto at = calls_.begin(); at != calls_.end();) {
        Call* call = at->second;
        const bool goes = call && call->lane != Lane::greeting && (call->sent || !sent_only);
        if (goes) {
            // The error is the greeting's or the connection's. Only a call that was sent may have
            // been executed.
            Error why = error;
            why.refused = !call->sent;
            call->end(fail(std::move(why)));
        }
        at = goes ? calls_.erase(at) : std::next(at);
    }
    room_.wake_all();
}

bool Link::has_room(Lane lane) const {
    const std::size_t kept = lane == Lane::ordinary ? requests_spare : 0;
    return lane == Lane::greeting || calls_.size() + kept < requests_max;
}

Task<Buffer> Link::exchange(WritableBuffer frame, Lane lane, bool recorded) {
    if (frame.size() > Header::bytes + payload_bytes_max)
        co_return fail(EMSGSIZE, fmt::format("a request of {} bytes", frame.size()));
    while (!closed_ && !has_room(lane)) co_await room_.wait();
    if (closed_) co_return fail(ECANCELED);
    if (lane == Lane::greeting && !outbox_) co_return fail(ECONNRESET, address_);

    const std::uint64_t id = next_id_++;
    Call call{.lane = lane, .recorded = recorded};
    calls_.emplace(id, &call);
    set_turn(frame, id, calls_.begin()->first);
    const std::size_t size = frame.size();
    call.frame = std::move(frame).freeze(size);
    if (outbox_ && (open_ || lane == Lane::greeting)) send(call);
    auto woken = co_await result(call.waiting.wait());
    if (!woken) {
        if (!call.answered) cancel(id, lane);
        co_return fail(std::move(woken.error()));
    }
    co_return std::move(call.reply);
}

// The calling task has been stopped. A request that was sent is still answered, and counts until
// then.
void Link::cancel(std::uint64_t id, Lane lane) {
    if (!outbox_ || !(open_ || lane == Lane::greeting)) {
        calls_.erase(id);
        room_.wake_all();
        return;
    }
    outbox_->add(bare_frame({.kind = Kind::cancel, .id = id}));
    calls_.at(id) = nullptr;
}

}  // namespace flexfs::rpc
