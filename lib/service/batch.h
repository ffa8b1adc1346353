// Group commit: the changes that arrive in one turn of the loop are appended as one record at its
// end.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "lib/loop/loop.h"
#include "lib/service/log.h"

namespace flexfs::service {

// A longer request is refused. Requests over a socket are shorter anyway (rpc::payload_bytes_max).
inline constexpr std::size_t request_bytes_max = 128 << 20;

class Batch {
public:
    // Receives the outcome of one call. It lives in the frame of the coroutine that waits for it,
    // shielded, because the batch keeps a pointer to it.
    //
    //     Batch::Ticket ticket;
    //     co_await batch.add(ticket, std::move(call));
    //     co_await ticket.applied.wait_shielded();
    //
    // Waiting coroutines resume in the order of their calls, after append() has returned. `call`
    // points to the applied call and is valid until the end of the turn in which the coroutine
    // resumes.
    struct Ticket {
        task::WaitList applied;
        meta::Outcome outcome{fail(ECANCELED)};
        const meta::Call* call = nullptr;
    };

    // `prepare` is called with the calls right before they are appended to the log, and may
    // complete them.
    Batch(Log& log, std::function<void(std::span<meta::Call>)> prepare)
        : log_(log), prepare_(std::move(prepare)) {}

    // EMSGSIZE, refused: the request is too long, and was not added.
    Result<void> add(Ticket& ticket, meta::Call call);
    // True if everything that was added has been applied.
    bool empty() const { return collecting_->calls.empty() && on_way_.empty(); }
    // Waits until everything added so far has been applied. May be called only while empty() is
    // false.
    task::WaitList::Wait applied();

    // Appends the calls added since the last append, as one record if they are not too many, and
    // before them those that the log did not take then. The owner calls it at the end of each turn.
    void append();

    // Numbers of records and of calls applied so far.
    std::uint64_t batches() const { return batches_; }
    std::uint64_t calls() const { return calls_done_; }

private:
    // The changes of one turn.
    struct Gathered {
        struct Asked {
            Ticket* ticket;
            std::size_t bytes;  // of the request, as it is encoded
        };
        std::vector<meta::Call> calls;
        std::vector<Asked> asked;  // for each call
        std::size_t appended = 0;
        std::size_t answered = 0;
        task::WaitList all_applied;
    };
    Gathered* first_to_append();
    static std::size_t next_record(const Gathered& batch, std::size_t from);
    void answer(std::vector<meta::Outcome> outcomes);
    std::unique_ptr<Gathered> start_turn();
    void recycle(std::unique_ptr<Gathered> done);

    Log& log_;
    std::function<void(std::span<meta::Call>)> prepare_;
    std::unique_ptr<Gathered> collecting_ = std::make_unique<Gathered>();
    std::deque<std::unique_ptr<Gathered>> on_way_;  // in the order of the log
    // Tickets point into these until the next append().
    std::vector<std::unique_ptr<Gathered>> answered_;
    std::unique_ptr<Gathered> spare_;  // an empty one, with the memory of its vectors
    std::uint64_t batches_ = 0;
    std::uint64_t calls_done_ = 0;
};

}  // namespace flexfs::service
