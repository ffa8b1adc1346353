// Group commit: the changes that arrive in one turn of the loop are one transaction at its end.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "lib/loop/loop.h"
#include "lib/meta/volume.h"
#include "lib/service/syncer.h"

namespace flexfs::service {

class Batch {
public:
    // Where the outcome of one call arrives. Lives in the frame of the coroutine that waits for it,
    // shielded: the turn's end is near, and the batch keeps a pointer.
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

    // `prepare` sees the calls right before they are applied, and may complete them.
    Batch(meta::Volume& volume, Syncer& syncer, std::function<void(std::span<meta::Call>)> prepare)
        : volume_(volume), syncer_(syncer), prepare_(std::move(prepare)) {}

    void add(Ticket& ticket, meta::Call call) {
        calls_.push_back(std::move(call));
        tickets_.push_back(&ticket);
    }
    bool empty() const { return calls_.empty(); }
    // Until what was added so far is applied.
    task::WaitList::Wait applied() { return barrier_.wait_shielded(); }

    // To be called at the turn's end.
    void apply();

    // Transactions and calls so far.
    std::uint64_t batches() const { return batches_; }
    std::uint64_t calls() const { return calls_done_; }

private:
    meta::Volume& volume_;
    Syncer& syncer_;
    std::function<void(std::span<meta::Call>)> prepare_;
    std::vector<meta::Call> calls_;
    std::vector<Ticket*> tickets_;
    std::vector<meta::Call> done_;  // what was applied last
    std::vector<Ticket*> done_tickets_;
    task::WaitList barrier_;
    std::uint64_t batches_ = 0;
    std::uint64_t calls_done_ = 0;
};

}  // namespace flexfs::service
