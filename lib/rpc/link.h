// A client's lasting connection to a server: made again when lost, unanswered requests repeated.
// Knows bytes only; Caller gives them types.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>

#include "lib/loop/loop.h"
#include "lib/rpc/frame.h"
#include "lib/task/scope.h"
#include "lib/task/sync.h"

namespace flexfs::rpc {

class Link {
public:
    class Owner {
    public:
        virtual ~Owner() = default;
        // Runs on each new connection before waiting requests are sent.
        virtual Task<void> greet() = 0;
        // An error ends the connection.
        virtual Result<void> pushed(std::uint16_t op, const Buffer& payload) = 0;
    };

    Link(Loop& loop, std::string address, std::string_view protocol, Owner& owner);
    ~Link();

    Task<void> start();
    Task<void> close();
    // `frame` is a request_frame(). The reply's payload, or its error. `urgent`: part of a
    // greeting.
    Task<Buffer> exchange(WritableBuffer frame, bool urgent);

private:
    struct Call;

    Task<void> live();
    Task<void> attempt();
    Task<void> shake_hands(loop::Stream& stream, FrameReader& reader);
    Task<void> receive(FrameReader& reader);
    Task<void> receive_all(FrameReader& reader, loop::Stream& stream, Error& why);
    Result<void> answer(Frame frame);
    void cancel(std::uint64_t id, bool urgent);
    void open_gate();
    void lost();
    void end_calls(const Error& error);

    Loop& loop_;
    std::string address_;
    std::string_view protocol_;
    Owner& owner_;

    std::uint64_t next_id_ = 1;
    std::map<std::uint64_t, Call*> calls_;  // unanswered; null for a cancelled one
    task::WaitList room_;                   // for less than requests_max calls
    Outbox* outbox_ = nullptr;              // of the connection, when there is one
    bool open_ = false;                     // the greeting is over
    bool opened_ = false;                   // it was once, in this attempt
    bool closed_ = false;
    bool woken_ = false;  // a call since the reader last let others run
    std::minstd_rand random_;
    task::Event first_;  // the first attempt is decided
    Result<void> first_outcome_;
    Scope scope_;
};

}  // namespace flexfs::rpc
