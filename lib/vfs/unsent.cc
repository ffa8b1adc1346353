#include "lib/vfs/unsent.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "lib/wire/name_messages.h"

namespace flexfs::vfs {

std::uint64_t Unsent::end() const {
    std::uint64_t end = dirty_.end();
    for (const Flight& flight : flights_) end = std::max(end, flight.data_.end());
    return end;
}

bool Unsent::loses(Loss what) const {
    const auto takes = [&](const Flight& flight) { return flight.loss_ >= what; };
    return loss_ >= what || std::ranges::any_of(flights_, takes);
}

Time Unsent::mtime() const {
    if (mtime_ != 0) return mtime_;
    Time last = 0;
    for (const Flight& flight : flights_)
        if (flight.mtime_ != 0) last = flight.mtime_;
    return last;
}

bool Unsent::has_sent() const {
    return std::ranges::any_of(flights_, &Flight::is_sent);
}

void Unsent::touch(Time now, Loss loss) {
    mtime_ = now;
    loss_ = std::max(loss_, loss);
}

void Unsent::write(Span span, Time now, Loss loss) {
    dirty_.put(std::move(span));
    touch(now, loss);
}

bool Unsent::append(std::uint64_t offset, ByteView data, Time now, Loss loss) {
    if (!dirty_.append(offset, data)) return false;
    touch(now, loss);
    return true;
}

bool Unsent::can_take(bool changes_inline) const {
    if (flights_.empty()) return true;
    // The position of appended data is known only when no other data of the file is in flight.
    if (changes_inline || has_appended()) return false;
    const Flight& newest = flights_.back();
    return !newest.is_inline_ && !newest.clears_inline_;
}

void Unsent::place_appended(std::uint64_t stored_end) {
    if (!has_appended()) return;
    std::vector<Span> spans = appended_.take_from(dirty_);
    appended_.put_at(std::max(stored_end, dirty_.end()), std::move(spans), dirty_);
}

Unsent::Ticket Unsent::begin_flight(std::uint64_t inline_base) {
    Flight& flight = flights_.emplace_back();
    flight.id_ = ++last_flight_;
    flight.inline_base_ = inline_base;
    return std::prev(flights_.end());
}

std::vector<Span> Unsent::set_appended_aside() {
    std::vector<Span> aside = appended_.take_from(dirty_);
    if (!aside.empty() && dirty_.empty()) put_appended_back(std::exchange(aside, {}));
    return aside;
}

void Unsent::put_appended_back(std::vector<Span> aside) {
    if (aside.empty()) return;
    const std::uint64_t begin = aside.front().offset;
    appended_.put_at(begin, std::move(aside), dirty_);
}

void Unsent::filled(Ticket flight) {
    const std::uint64_t end = flight->data_.end();
    if (!has_appended() || appended_.begin() >= end) return;
    at(flight)->append_at_ = appended_.begin();
    appended_.drop({0, end});
}

std::vector<Span> Unsent::take(Ticket flight, Range range) {
    std::vector<Span> taken = dirty_.take(range);
    for (const Span& span : taken) at(flight)->data_.put(span);
    return taken;
}

void Unsent::set_content(Ticket flight, Buffer content) {
    const auto of = at(flight);
    of->is_inline_ = true;
    of->content_ = std::move(content);
}

// These bytes are few, and their memory is counted with the node.
void Unsent::lift_inline(Ticket flight, Buffer stored) {
    auto slab = std::make_shared<Slab>();
    slab->kept = std::move(stored);
    const auto of = at(flight);
    of->clears_inline_ = true;
    of->lifted_ = slab;
    const ByteView bytes = slab->kept.view();
    dirty_.put_under({0, std::move(slab), bytes});
}

void Unsent::send(Ticket flight) {
    const auto of = at(flight);
    of->sent_ = true;
    of->mtime_ = std::exchange(mtime_, 0);
    of->loss_ = std::exchange(loss_, Loss::none);
}

// Destroying the flight's spans frees memory, and a task that waited for it may begin other
// flights. Therefore the list is consistent before that.
void Unsent::drop_flight(Ticket flight) {
    std::list<Flight> ended;
    ended.splice(ended.begin(), flights_, flight);
}

void Unsent::failed(Ticket flight) {
    ++failures_;
    restore_time(flight->mtime_);
    loss_ = std::max(loss_, flight->loss_);
    for (const auto& [offset, span] : flight->data_.all()) {
        // The bytes that the service has inline are not dirty, and may have changed there.
        if (flight->lifted_ && span.memory->slab() == flight->lifted_) continue;
        std::vector<Range> gaps{{span.offset, span.end()}};
        for (auto newer = std::next(flight); newer != flights_.end(); ++newer) {
            std::vector<Range> left;
            for (const Range& gap : gaps)
                for (const Range& part : newer->data_.gaps(gap)) left.push_back(part);
            gaps = std::move(left);
        }
        for (const Range& gap : gaps) dirty_.put_under(span.slice(gap.first, gap.last));
    }
    if (flight->data_.end() > flight->append_at_)
        appended_.add({flight->append_at_, flight->data_.end()});
    drop_flight(flight);
}

std::vector<Span> Unsent::drop(Range range) {
    std::vector<Span> taken = dirty_.take(range);
    appended_.drop(range);
    for (auto flight = flights_.rbegin(); flight != flights_.rend(); ++flight) {
        const std::uint64_t end =
            std::max<std::uint64_t>(flight->content_.size(), flight->data_.end());
        // A flight that sets or clears inline data carries stored bytes too, which stay if the
        // change is refused. So it is refused itself, and made again from what is stored then.
        if ((flight->is_inline_ || flight->clears_inline_) && range.first < end)
            flight->inline_base_ = wire::inline_version_never;
        for (Span& span : flight->data_.take(range)) taken.push_back(std::move(span));
        flight->gone_.push_back(range);
        erase(flight->content_, range);
    }
    return taken;
}

void Unsent::give_up() {
    const std::vector<Span> lost = dirty_.take({0, UINT64_MAX});
    appended_.clear();
    if (!flights_.empty()) return;
    mtime_ = 0;
    loss_ = Loss::none;
}

Time Unsent::forget_times() {
    for (Flight& flight : flights_) flight.mtime_ = 0;
    return std::exchange(mtime_, 0);
}

}  // namespace flexfs::vfs
