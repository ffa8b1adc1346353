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
    if (changes_inline || floats()) return false;
    const Flight& newest = flights_.back();
    return !newest.is_inline_ && !newest.clears_inline_;
}

bool Unsent::has_appended() const {
    const auto appends = [](const Flight& flight) { return !flight.appended_.empty(); };
    return !appended_.empty() || std::ranges::any_of(flights_, appends);
}

bool Unsent::lose_places() {
    floats_ = has_appended();
    return floats_ && !take_doubtful().empty();
}

std::vector<Span> Unsent::take_doubtful() {
    appended_.drop(doubtful_);
    return std::exchange(doubtful_, {}).take_from(dirty_);
}

void Unsent::place_appended(std::uint64_t stored_end, bool is_certain) {
    if (!floats() || !flights_.empty()) return;
    std::vector<Span> spans = appended_.take_from(dirty_);
    appended_.put_at(std::max(stored_end, dirty_.end()), std::move(spans), dirty_);
    if (is_certain) floats_ = false;
}

Unsent::Ticket Unsent::begin_flight(std::uint64_t inline_base, std::uint64_t stored_end) {
    for (const Flight& before : flights_) stored_end = std::max(stored_end, before.data_.end());
    Flight& flight = flights_.emplace_back();
    flight.id_ = ++last_flight_;
    flight.inline_base_ = inline_base;
    flight.base_size_ = stored_end;
    return std::prev(flights_.end());
}

std::vector<Span> Unsent::set_appended_aside() {
    if (!floats()) return {};
    std::vector<Span> aside = appended_.take_from(dirty_);
    if (!aside.empty() && dirty_.empty()) put_appended_back(std::exchange(aside, {}));
    else appended_.clear();
    return aside;
}

void Unsent::put_appended_back(std::vector<Span> aside) {
    if (aside.empty()) return;
    const std::uint64_t begin = aside.front().offset;
    appended_.put_at(begin, std::move(aside), dirty_);
}

std::uint64_t Unsent::end_of_flight(std::uint64_t bytes) const {
    if (!floats()) return UINT64_MAX;
    std::uint64_t taken = 0;
    for (const auto& [offset, span] : dirty_.all())
        if (taken += span.bytes.size(); taken >= bytes) return span.end();
    return UINT64_MAX;
}

void Unsent::filled(Ticket flight) {
    const bool moves = floats() && !flight->is_inline_ && !flight->clears_inline_;
    if (moves && !flight->appended_.empty()) at(flight)->append_at_ = flight->appended_.begin();
}

std::vector<Span> Unsent::take(Ticket flight, Range range) {
    std::vector<Span> taken = dirty_.take(range);
    const auto of = at(flight);
    for (const Span& span : taken) of->data_.put(span);
    of->appended_.add(appended_.in(range));
    of->doubtful_.add(doubtful_.in(range));
    appended_.drop(range);
    doubtful_.drop(range);
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

bool Unsent::failed(Ticket flight, wire::Fate fate) {
    ++failures_;
    restore_time(flight->mtime_);
    loss_ = std::max(loss_, flight->loss_);
    const Appended& doubtful = fate == wire::Fate::unknown ? flight->appended_ : flight->doubtful_;
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
        for (const Range& gap : gaps) {
            dirty_.put_under(span.slice(gap.first, gap.last));
            appended_.add(flight->appended_.in(gap));
            doubtful_.add(doubtful.in(gap));
        }
    }
    // Bytes that were appended later follow this data, wherever that will be.
    for (auto newer = std::next(flight); newer != flights_.end(); ++newer)
        at(newer)->base_size_ = wire::size_never;
    const std::vector<Span> lost = floats() ? take_doubtful() : std::vector<Span>();
    drop_flight(flight);
    return !lost.empty();
}

Unsent::Removed Unsent::drop(Range range) {
    Removed removed{dirty_.take(range), appended_.in(range)};
    std::vector<Span>& taken = removed.spans;
    appended_.drop(range);
    doubtful_.drop(range);
    for (auto flight = flights_.rbegin(); flight != flights_.rend(); ++flight) {
        const std::uint64_t end =
            std::max<std::uint64_t>(flight->content_.size(), flight->data_.end());
        // A flight that sets or clears inline data carries stored bytes too, which stay if the
        // change is refused. So it is refused itself, and made again from what is stored then.
        if ((flight->is_inline_ || flight->clears_inline_) && range.first < end)
            flight->inline_base_ = wire::inline_version_never;
        for (Span& span : flight->data_.take(range)) taken.push_back(std::move(span));
        removed.appended.add(flight->appended_.in(range));
        flight->appended_.drop(range);
        flight->doubtful_.drop(range);
        flight->gone_.add(range);
        erase(flight->content_, range);
    }
    return removed;
}

void Unsent::resized(std::uint64_t size) {
    for (Flight& flight : flights_)
        if (flight.base_size_ != wire::size_never) flight.base_size_ = size;
}

void Unsent::restore(const Removed& removed, bool is_certain) {
    for (const Span& span : removed.spans) dirty_.put_under(span);
    floats_ = floats() || !is_certain;
    appended_.add(removed.appended);
}

void Unsent::give_up() {
    const std::vector<Span> lost = dirty_.take({0, UINT64_MAX});
    appended_.clear();
    doubtful_.clear();
    if (!flights_.empty()) return;
    mtime_ = 0;
    loss_ = Loss::none;
}

Time Unsent::forget_times() {
    for (Flight& flight : flights_) flight.mtime_ = 0;
    return std::exchange(mtime_, 0);
}

}  // namespace flexfs::vfs
