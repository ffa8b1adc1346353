#include "lib/rpc/connection.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "lib/base/check.h"
#include "lib/base/format.h"
#include "lib/base/log.h"

namespace flexfs::rpc {
namespace {

using namespace std::chrono_literals;

constexpr Duration farewell_longest = 1s;
constexpr unsigned introductions_max = 4;  // requests before a client is admitted
constexpr Duration accept_pause = 100ms;   // after a failure such as EMFILE

// Returns the answer to a client's hello.
Hello welcome(const Hello& hello, std::string_view protocol) {
    Hello answer{.magic = hello_magic,
                 .version_min = version_min,
                 .version_max = version_max,
                 .protocol = std::string(protocol)};
    if (hello.protocol != protocol) {
        answer.code = EPROTO;
        answer.reason =
            fmt::format("it serves \"{}\", not \"{}\"", protocol, hello.protocol.substr(0, 40));
    } else if (hello.version_max < version_min || hello.version_min > version_max) {
        answer.code = EPROTO;
        answer.reason = fmt::format("it speaks the versions {} to {} of the protocol, not {} to {}",
                                    version_min, version_max, hello.version_min, hello.version_max);
    } else {
        answer.version_max = answer.version_min = std::min(hello.version_max, version_max);
        answer.features = hello.features & features;
    }
    return answer;
}

}  // namespace

// The connection of one client.
class Acceptor::Peer final : public Connection {
public:
    Peer(Acceptor& owner, loop::Stream& stream) : owner_(owner), stream_(stream), reader_(stream) {}

    Task<void> run();
    ~Peer() override { check(running_.empty()); }
    void push(Buffer frame) override;
    void disconnect(std::string why) override { leave({ECONNRESET, std::move(why)}); }

private:
    Task<void> greet();
    Task<Hello> introduction();
    Task<void> receive();
    Task<void> admit();
    bool may_read() const;
    Task<Packet> read_request();
    Task<Packet> read_large(Header header);
    Result<void> take(Packet frame);
    Task<void> answer(Header request, Buffer payload);
    void leave(Error why);
    Task<void> part(Error why);

    Acceptor& owner_;
    loop::Stream& stream_;
    PacketReader reader_;
    Outbox outbox_;
    Error send_error_;
    std::unique_ptr<Responder> responder_;
    std::map<std::uint64_t, task::StopSource> running_;  // requests, by id
    std::size_t bytes_ = 0;                              // of the running requests
    task::WaitList ended_;                               // woken when a request ends
    bool gone_ = false;                                  // no more requests are taken
    Scope requests_;
    Scope sending_;
};

Task<void> Acceptor::Peer::run() {
    sending_.start(send_all(outbox_, stream_, send_error_));
    auto outcome = co_await result(greet());
    if (outcome) {
        responder_ = owner_.connected(*this);
        outcome = co_await result(receive());
        for (auto& [id, stop] : running_) stop.request();
        co_await requests_.close();
        responder_.reset();
    }
    co_await part(std::move(outcome.error()));
}

// Sends the reason to a client that violated the protocol, if it still reads.
Task<void> Acceptor::Peer::part(Error why) {
    if (send_error_.code == ENOBUFS) why = send_error_;
    if (why.code == EPROTO || why.code == ENOBUFS) {
        log::warn("disconnecting a client of \"{}\": {}", owner_.protocol_, why.message());
        outbox_.add(error_frame({.kind = Kind::end}, std::move(why)));
    }
    outbox_.finish();
    Scope clock;
    clock.start(close_after(owner_.loop_, farewell_longest, stream_));
    co_await result(sending_.join());
    co_await sending_.close();
    co_await clock.close();
}

Task<Hello> Acceptor::Peer::introduction() {
    const Packet frame = co_await reader_.next(hello_bytes_max);
    const auto hello = wire::decode<Hello>(frame.payload);
    if (frame.header.kind != Kind::hello || !hello || hello->magic != hello_magic)
        co_return fail(EPROTO, "the peer does not speak the flexfs protocol");
    co_return *hello;
}

Task<void> Acceptor::Peer::greet() {
    Scope clock;
    clock.start(close_after(owner_.loop_, hello_longest, stream_));
    auto hello = co_await result(introduction());
    co_await clock.close();
    const Hello answer = welcome(co_await std::move(hello), owner_.protocol_);
    outbox_.add(frame(Header{.kind = Kind::hello}, answer).freeze());
    if (answer.code != 0) co_await fail(answer.code, answer.reason);
}

// Until the client is admitted it may send one small request at a time. The time limit does not run
// while such a request is being answered.
Task<void> Acceptor::Peer::admit() {
    for (unsigned i = 0; !responder_->admitted(); ++i) {
        if (i == introductions_max) co_await fail(EPROTO, "the client did not open a session");
        Scope clock;
        clock.start(close_after(owner_.loop_, owner_.limits_.admission, stream_));
        auto request = co_await result(reader_.next(hello_bytes_max));
        co_await clock.close();
        co_await take(co_await std::move(request));
        while (!running_.empty()) co_await ended_.wait();
    }
}

Task<void> Acceptor::Peer::receive() {
    co_await admit();
    for (;;) {
        co_await outbox_.drained(unsent_bytes_max);
        while (bytes_ > owner_.limits_.connection_bytes) co_await ended_.wait();
        while (!may_read()) co_await owner_.fewer_.wait();
        Packet request = co_await read_request();
        co_await take(std::move(request));
    }
}

bool Acceptor::Peer::may_read() const {
    return owner_.requests_ < owner_.limits_.requests || running_.size() < owner_.limits_.share();
}

Task<Packet> Acceptor::Peer::read_request() {
    const Header header = co_await reader_.next_header();
    if (header.length <= small_bytes) co_return co_await reader_.payload_of(header);
    co_return co_await read_large(header);
}

// The bytes count against the limit until the request is answered. A client that does not send the
// data that it announced must not keep others from sending theirs.
Task<Packet> Acceptor::Peer::read_large(Header header) {
    co_await owner_.large_.acquire(header.length);
    Scope clock;
    clock.start(close_after(owner_.loop_, owner_.limits_.payload, stream_));
    auto packet = co_await result(reader_.payload_of(header));
    co_await clock.close();
    const bool runs = packet && header.kind == Kind::request;
    if (!runs) owner_.large_.release(header.length);
    co_return std::move(packet);
}

Result<void> Acceptor::Peer::take(Packet frame) {
    const Header& header = frame.header;
    const auto found = running_.find(header.id);
    if (header.kind == Kind::cancel) {
        if (found != running_.end()) found->second.request();
        return {};
    }
    Result<void> wrong;
    if (header.kind != Kind::request) wrong = fail(EPROTO, "a frame that only servers send");
    else if (frame.payload.size() < back_bytes) wrong = fail(EPROTO, "a request that is too short");
    else if (header.id == 0 || found != running_.end())
        wrong = fail(EPROTO, fmt::format("request {} a second time", header.id));
    else if (running_.size() >= requests_max)
        wrong = fail(EPROTO, fmt::format("more than {} requests at a time", requests_max));
    if (!wrong) {
        if (header.kind == Kind::request && header.length > small_bytes)
            owner_.large_.release(header.length);
        return wrong;
    }
    task::StopSource& stop = running_[header.id];
    ++owner_.requests_;
    bytes_ += header.length;
    requests_.start(answer(header, std::move(frame.payload)), &stop);
    return {};
}

Task<void> Acceptor::Peer::answer(Header request, Buffer payload) {
    const auto back = load_le<std::uint32_t>(payload.data());
    const Context context{.sequence = request.id,
                          .oldest = request.id - std::min<std::uint64_t>(back, request.id)};
    Buffer message = payload.slice(back_bytes);
    payload = {};
    auto reply = co_await result(responder_->answer(context, request, std::move(message)));
    if (reply && !gone_) outbox_.add(std::move(*reply));
    running_.erase(request.id);
    bytes_ -= request.length;
    --owner_.requests_;
    if (request.length > small_bytes) owner_.large_.release(request.length);
    ended_.wake_all();
    owner_.fewer_.wake_all();
}

void Acceptor::Peer::push(Buffer frame) {
    if (outbox_.bytes() + frame.size() > push_bytes_max)
        return leave({ENOBUFS, "the client does not read what is pushed to it"});
    outbox_.add(std::move(frame));
}

void Acceptor::Peer::leave(Error why) {
    gone_ = true;
    send_error_ = std::move(why);
    stream_.close();
}

Acceptor::~Acceptor() {
    check(scope_.running() == 0);
}

Result<void> Acceptor::listen(const std::string& address) {
    TRY(auto listener, loop::listen(loop_, address));
    listeners_.push_back(std::move(listener));
    scope_.start(accept(*listeners_.back()));
    return {};
}

std::vector<std::string> Acceptor::addresses() const {
    std::vector<std::string> all;
    for (const auto& listener : listeners_) all.push_back(listener->address());
    return all;
}

Task<void> Acceptor::close() {
    for (auto& listener : listeners_) listener->close();
    co_await scope_.close();
    listeners_.clear();
}

Task<void> Acceptor::accept(loop::Listener& listener) {
    for (;;) {
        auto stream = co_await result(listener.accept());
        if (stream && connections_ >= limits_.connections) {
            log::warn("refusing a client of \"{}\": there are already {}", protocol_, connections_);
        } else if (stream) {
            scope_.start(serve(std::move(*stream)));
        } else if (stream.error().code == ECANCELED) {
            co_return;
        } else {
            log::warn("{}", stream.error().message());
            co_await loop_.sleep(accept_pause);
        }
    }
}

Task<void> Acceptor::serve(std::unique_ptr<loop::Stream> stream) {
    ++connections_;
    {
        Peer peer(*this, *stream);
        co_await result(peer.run());
    }
    --connections_;
}

}  // namespace flexfs::rpc
