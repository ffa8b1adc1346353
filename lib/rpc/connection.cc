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
constexpr Duration accept_pause = 100ms;  // after a failure, out of descriptors perhaps

// What to answer a client's hello.
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

// One client.
class Acceptor::Peer final : public Connection {
public:
    Peer(Acceptor& owner, loop::Stream& stream) : owner_(owner), stream_(stream), reader_(stream) {}

    Task<void> run();
    void push(Buffer frame) override;

private:
    Task<void> greet();
    Task<Hello> introduction();
    Task<void> receive();
    Result<void> take(Frame frame);
    Task<void> answer(Header request, Buffer payload);
    Task<void> part(Error why);

    Acceptor& owner_;
    loop::Stream& stream_;
    FrameReader reader_;
    Outbox outbox_;
    Error send_error_;
    std::unique_ptr<Session> session_;
    std::map<std::uint64_t, task::StopSource> running_;  // requests, by id
    Scope requests_;
    Scope sending_;
};

Task<void> Acceptor::Peer::run() {
    sending_.start(send_all(outbox_, stream_, send_error_));
    auto outcome = co_await result(greet());
    if (outcome) {
        session_ = owner_.connected(*this);
        outcome = co_await result(receive());
        for (auto& [id, stop] : running_) stop.request();
        co_await requests_.close();
        session_.reset();
    }
    co_await part(std::move(outcome.error()));
}

// A client that broke the rules is told so, if it still listens.
Task<void> Acceptor::Peer::part(Error why) {
    if (send_error_.code == ENOBUFS) why = send_error_;
    if (why.code == EPROTO || why.code == ENOBUFS) {
        log::warn("a client of \"{}\" is disconnected: {}", owner_.protocol_, why.message());
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
    const Frame frame = co_await reader_.next(hello_bytes_max);
    const auto hello = wire::decode<Hello>(frame.payload);
    if (frame.header.kind != Kind::hello || !hello || hello->magic != hello_magic)
        co_return fail(EPROTO, "it does not begin as the protocol of flexfs does");
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

Task<void> Acceptor::Peer::receive() {
    for (;;) {
        co_await outbox_.drained(unsent_bytes_max);
        Frame frame = co_await reader_.next();
        co_await take(std::move(frame));
    }
}

Result<void> Acceptor::Peer::take(Frame frame) {
    const Header& header = frame.header;
    const auto found = running_.find(header.id);
    if (header.kind == Kind::cancel) {
        if (found != running_.end()) found->second.request();
        return {};
    }
    if (header.kind != Kind::request) return fail(EPROTO, "a frame that only servers send");
    if (frame.payload.size() < back_bytes) return fail(EPROTO, "a request that is too short");
    if (header.id == 0 || found != running_.end())
        return fail(EPROTO, fmt::format("request {} a second time", header.id));
    if (running_.size() >= requests_max)
        return fail(EPROTO, fmt::format("more than {} requests at a time", requests_max));
    task::StopSource& stop = running_[header.id];
    requests_.start(answer(header, std::move(frame.payload)), &stop);
    return {};
}

Task<void> Acceptor::Peer::answer(Header request, Buffer payload) {
    const auto back = load_le<std::uint32_t>(payload.data());
    const Context context{.sequence = request.id,
                          .oldest = request.id - std::min<std::uint64_t>(back, request.id)};
    Buffer message = payload.slice(back_bytes);
    payload = {};
    Buffer reply = co_await session_->answer(context, request, std::move(message));
    outbox_.add(std::move(reply));
    running_.erase(request.id);
}

void Acceptor::Peer::push(Buffer frame) {
    if (outbox_.bytes() + frame.size() > push_bytes_max) {
        send_error_ = {ENOBUFS, "the client does not read what is pushed to it"};
        stream_.close();
        return;
    }
    outbox_.add(std::move(frame));
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
        if (stream) {
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
