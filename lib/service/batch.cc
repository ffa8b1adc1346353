#include "lib/service/batch.h"

#include <cerrno>

#include "lib/base/format.h"
#include "lib/wire/codec.h"

namespace flexfs::service {
namespace {

// Limit how long one record occupies the loop, how many pages it keeps in memory, and its size in
// the log. A longer request is a record of its own.
constexpr std::size_t calls_max = 1024;
constexpr std::size_t record_bytes_max = 16 << 20;

std::size_t encoded_bytes(const meta::Request& request) {
    return std::visit([](const auto& message) { return wire::encoded_size(message); }, request);
}

}  // namespace

Result<void> Batch::add(Ticket& ticket, meta::Call call) {
    const std::size_t bytes = encoded_bytes(call.request);
    if (bytes > request_bytes_max)
        return fail(refuse({EMSGSIZE, fmt::format("a request of {} bytes", bytes)}));
    collecting_->calls.push_back(std::move(call));
    collecting_->asked.push_back({&ticket, bytes});
    return {};
}

task::WaitList::Wait Batch::applied() {
    Gathered& newest = collecting_->calls.empty() ? *on_way_.back() : *collecting_;
    return newest.all_applied.wait_shielded();
}

void Batch::append() {
    for (auto& done : answered_) recycle(std::move(done));
    answered_.clear();
    if (!collecting_->calls.empty()) on_way_.push_back(std::exchange(collecting_, start_turn()));
    while (Gathered* batch = first_to_append()) {
        const std::size_t count = next_record(*batch, batch->appended);
        const std::span part = std::span(batch->calls).subspan(batch->appended, count);
        prepare_(part);
        // The log may answer at once; `batch` is gone when all of its calls are answered.
        batch->appended += count;
        const auto applied = [this](std::vector<meta::Outcome> outcomes) {
            answer(std::move(outcomes));
        };
        if (log_.append(part, applied)) continue;
        batch->appended -= count;
        return;
    }
}

Batch::Gathered* Batch::first_to_append() {
    for (const auto& batch : on_way_)
        if (batch->appended < batch->calls.size()) return batch.get();
    return nullptr;
}

// Returns how many calls from `from` on go into one record: at least one.
std::size_t Batch::next_record(const Gathered& batch, std::size_t from) {
    std::size_t count = 0, bytes = 0;
    while (count < calls_max && from + count < batch.calls.size()) {
        bytes += batch.asked[from + count].bytes;
        if (count > 0 && bytes > record_bytes_max) break;
        ++count;
    }
    return count;
}

void Batch::answer(std::vector<meta::Outcome> outcomes) {
    Gathered& oldest = *on_way_.front();
    ++batches_;
    calls_done_ += outcomes.size();
    for (meta::Outcome& outcome : outcomes) {
        Ticket& ticket = *oldest.asked[oldest.answered].ticket;
        ticket.outcome = std::move(outcome);
        ticket.call = &oldest.calls[oldest.answered];
        ++oldest.answered;
        ticket.applied.wake_one();
    }
    if (oldest.answered < oldest.calls.size()) return;
    oldest.all_applied.wake_all();
    answered_.push_back(std::move(on_way_.front()));
    on_way_.pop_front();
}

std::unique_ptr<Batch::Gathered> Batch::start_turn() {
    return spare_ ? std::move(spare_) : std::make_unique<Gathered>();
}

void Batch::recycle(std::unique_ptr<Gathered> done) {
    // The memory of an unusually long turn is not kept.
    if (done->calls.capacity() > calls_max) return;
    done->calls.clear();
    done->asked.clear();
    done->appended = done->answered = 0;
    spare_ = std::move(done);
}

}  // namespace flexfs::service
