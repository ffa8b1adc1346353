// Group commit: the changes that arrive in one turn of the loop are one record at its end.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "lib/loop/loop.h"
#include "lib/service/log.h"

namespace flexfs::service {

class Batch {
public:
    // Where the outcome of one call arrives. Lives in the frame of the coroutine that waits for it,
    // shielded: the batch keeps a pointer.
    //
    //     Batch::Ticket ticket;
    //     batch.add(ticket, std::move(call));
    //     co_await ticket.applied.wait_shielded();
    //
    // Those who wait go on in the order of their calls, before anything is applied again. Until
    // they wait for something else, `call` is what was applied.
    struct Ticket {
        task::WaitList applied;
        meta::Outcome outcome{fail(ECANCELED)};
        const meta::Call* call = nullptr;
    };

    // `prepare` sees the calls right before they are appended to the log, and may complete them.
    Batch(Log& log, std::function<void(std::span<meta::Call>)> prepare)
        : log_(log), prepare_(std::move(prepare)) {}

    void add(Ticket& ticket, meta::Call call) {
        collecting_->calls.push_back(std::move(call));
        collecting_->tickets.push_back(&ticket);
    }
    // Whether everything that was added is applied.
    bool empty() const { return collecting_->calls.empty() && on_way_.empty(); }
    // Until what was added so far is applied. Only while it is not empty().
    task::WaitList::Wait applied();

    // To be called at the turn's end: appends what was added since.
    void append();

    // Records and calls so far.
    std::uint64_t batches() const { return batches_; }
    std::uint64_t calls() const { return calls_done_; }

private:
    // The changes of one turn.
    struct Gathered {
        std::vector<meta::Call> calls;
        std::vector<Ticket*> tickets;
        std::size_t answered = 0;
        task::WaitList all_applied;
    };
    void answer(std::vector<meta::Outcome> outcomes);

    Log& log_;
    std::function<void(std::span<meta::Call>)> prepare_;
    std::unique_ptr<Gathered> collecting_ = std::make_unique<Gathered>();
    std::deque<std::unique_ptr<Gathered>> on_way_;  // in the order of the log
    std::unique_ptr<Gathered> last_;                // what was applied last
    std::uint64_t batches_ = 0;
    std::uint64_t calls_done_ = 0;
};

}  // namespace flexfs::service
