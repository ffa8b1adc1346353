// A client's lasting connection to a server: made again when lost, unanswered requests repeated.
// Knows bytes only; Caller gives them types.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>

#include "lib/loop/loop.h"
#include "lib/rpc/packet.h"
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
    // Which requests may be sent when.
    enum class Lane {
        ordinary,  // once the greeting is over and there is room
        settling,  // the same, from the room that ordinary ones leave
        greeting,  // by the greeting itself; not repeated
    };
    // `frame` is a request_frame(). The reply's payload, or its error.
    Task<Buffer> exchange(WritableBuffer frame, Lane lane);
    // Every call that was sent and is not answered ends with this error. Not those of the greeting.
    void end_sent_calls(const Error& error);
    // Every sequence that was given so far is at most this. Before start(): later ones are greater.
    std::uint64_t last_sequence() const { return next_id_ - 1; }
    void go_on_after(std::uint64_t sequence) { next_id_ = sequence + 1; }

private:
    struct Call;

    Task<void> live();
    Task<void> attempt();
    Task<void> shake_hands(loop::Stream& stream, PacketReader& reader);
    Task<void> receive(PacketReader& reader);
    Task<void> receive_all(PacketReader& reader, loop::Stream& stream, Error& why);
    Result<void> answer(Packet frame);
    void cancel(std::uint64_t id, Lane lane);
    void open_gate();
    void send(Call& call);
    void lost();
    bool has_room(Lane lane) const;
    void end_calls(const Error& error, bool sent_only = false);

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
