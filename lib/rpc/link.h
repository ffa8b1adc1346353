// A client's lasting connection to a server: it is re-established when it is lost, and unanswered
// requests are repeated. It handles bytes only; Caller adds the types.
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
        // Called for each push. An error ends the connection.
        virtual Result<void> pushed(std::uint16_t op, const Buffer& payload) = 0;
    };

    Link(Loop& loop, std::string address, std::string_view protocol, Owner& owner);
    ~Link();

    Task<void> start();
    Task<void> close();
    // Decides when a request may be sent.
    enum class Lane {
        ordinary,  // when the greeting has ended and there is room
        settling,  // the same, also in the room that is reserved for it
        greeting,  // at once, by the greeting itself; never repeated
    };
    // Sends `frame`, a request_frame(), and returns the reply's payload or its error. `recorded`:
    // see last_recorded().
    Task<Buffer> exchange(WritableBuffer frame, Lane lane, bool recorded = false);
    // Ends every call that was sent and is unanswered with this error, except those of the
    // greeting.
    void end_sent_calls(const Error& error);
    // The highest sequence used so far. go_on_after() makes later ones greater; it must be called
    // before start().
    std::uint64_t last_sequence() const { return next_id_ - 1; }
    void go_on_after(std::uint64_t sequence) { next_id_ = sequence + 1; }
    // The highest sequence of a `recorded` request that succeeded; 0 if there is none.
    std::uint64_t last_recorded() const { return last_recorded_; }

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
    std::uint64_t last_recorded_ = 0;
    std::map<std::uint64_t, Call*> calls_;  // unanswered; null for a cancelled call
    task::WaitList room_;                   // woken when there is room for another call
    Outbox* outbox_ = nullptr;              // of the current connection, if any
    bool open_ = false;                     // the greeting has ended
    bool opened_ = false;                   // the greeting has ended in this attempt
    bool closed_ = false;
    bool woken_ = false;  // a call was woken since the reader last let others run
    std::minstd_rand random_;
    task::Event first_;  // set when the first attempt has succeeded or failed
    Result<void> first_outcome_;
    Scope scope_;
};

}  // namespace flexfs::rpc
