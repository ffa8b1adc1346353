#include "lib/service/batch.h"

#include <algorithm>

namespace flexfs::service {
namespace {

// One transaction must not keep the loop for long, nor all its pages in memory.
constexpr std::size_t calls_max = 1024;

}  // namespace

void Batch::apply() {
    if (calls_.empty()) return;
    std::swap(done_, calls_);
    std::swap(done_tickets_, tickets_);
    calls_.clear();
    tickets_.clear();
    for (std::size_t at = 0; at < done_.size(); at += calls_max) {
        const std::span part = std::span(done_).subspan(at, std::min(calls_max, done_.size() - at));
        prepare_(part);
        std::vector<meta::Outcome> outcomes = volume_.apply(part);
        syncer_.changed();
        ++batches_;
        calls_done_ += part.size();
        for (std::size_t i = 0; i < part.size(); ++i) {
            Ticket& ticket = *done_tickets_[at + i];
            ticket.outcome = std::move(outcomes[i]);
            ticket.call = &part[i];
            ticket.applied.wake_one();
        }
    }
    barrier_.wake_all();
}

}  // namespace flexfs::service
