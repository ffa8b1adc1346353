#include "lib/service/batch.h"

#include <algorithm>

namespace flexfs::service {
namespace {

// Limits how long one record occupies the loop and how many pages it keeps in memory.
constexpr std::size_t calls_max = 1024;

}  // namespace

task::WaitList::Wait Batch::applied() {
    Gathered& newest = collecting_->calls.empty() ? *on_way_.back() : *collecting_;
    return newest.all_applied.wait_shielded();
}

void Batch::append() {
    if (collecting_->calls.empty()) return;
    on_way_.push_back(std::exchange(collecting_, std::make_unique<Gathered>()));
    // The calls are answered, and moved away from here, by the last append() at the earliest.
    std::vector<meta::Call>& calls = on_way_.back()->calls;
    const std::size_t size = calls.size();
    for (std::size_t at = 0; at < size; at += calls_max) {
        const std::span part = std::span(calls).subspan(at, std::min(calls_max, size - at));
        prepare_(part);
        log_.append(part,
                    [this](std::vector<meta::Outcome> outcomes) { answer(std::move(outcomes)); });
    }
}

void Batch::answer(std::vector<meta::Outcome> outcomes) {
    Gathered& oldest = *on_way_.front();
    ++batches_;
    calls_done_ += outcomes.size();
    for (meta::Outcome& outcome : outcomes) {
        Ticket& ticket = *oldest.tickets[oldest.answered];
        ticket.outcome = std::move(outcome);
        ticket.call = &oldest.calls[oldest.answered];
        ++oldest.answered;
        ticket.applied.wake_one();
    }
    if (oldest.answered < oldest.calls.size()) return;
    oldest.all_applied.wake_all();
    last_ = std::move(on_way_.front());
    on_way_.pop_front();
}

}  // namespace flexfs::service
