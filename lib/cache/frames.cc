#include "lib/cache/frames.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/block/segment.h"
#include "lib/loop/pool.h"

namespace flexfs::cache {
namespace {

constexpr std::uint64_t entry_overhead_bytes = 384;
// Two frames of one segment are asked for together when not more than this lies between them.
constexpr std::uint64_t gap_bytes_max = 64 << 10;
constexpr std::uint64_t joined_bytes_max = 4 << 20;
// Up to here decoding takes less than a trip to the pool.
constexpr std::uint64_t decode_here_max = 16 << 10;
// A frame that is asked for again after this many others came is worth keeping; sooner, it is the
// same reader that takes it in several bites.
constexpr std::uint64_t distance_min = 16;

// A slice keeps all of the memory it is cut from: a frame that shared its request with others, or
// whose header is all that is left over, is copied out.
Result<FramePtr> decode(const Buffer& object, std::uint64_t offset, const FrameAt& at, bool alone) {
    TRY(Buffer data, block::decode_frame(object.slice(offset, at.stored), at.check));
    const bool shares = data.data() >= object.data() && data.data() < object.data() + object.size();
    if (shares && !alone) data = Buffer::copy_of(data);
    return std::make_shared<const Frame>(std::vector<Buffer>{std::move(data)});
}

}  // namespace

Frame::Frame(std::vector<Buffer> pieces) : pieces_(std::move(pieces)) {
    for (const Buffer& piece : pieces_) size_ += piece.size();
}

void Frame::append_to(std::vector<Buffer>& into, std::size_t offset, std::size_t size) const {
    check(offset + size <= size_);
    for (const Buffer& piece : pieces_) {
        if (size == 0) return;
        if (offset >= piece.size()) {
            offset -= piece.size();
            continue;
        }
        const std::size_t part = std::min(size, piece.size() - offset);
        into.push_back(piece.slice(offset, part));
        size -= part;
        offset = 0;
    }
}

struct Frames::Fetch {
    task::WaitList waiting;
    Result<FramePtr> outcome;
    bool done = false;
};

Frames::Frames(Loop& loop, object::Store& store, Budget& budget, Options options)
    : loop_(loop),
      store_(store),
      budget_(budget),
      options_(std::move(options)),
      gets_(options_.gets_max),
      reclaimer_(
          budget.add_reclaimer([this](Budget::Kind, std::uint64_t bytes) { reclaim(bytes); })) {}

Frames::~Frames() = default;

FramePtr Frames::find(const FrameAt& at) {
    const auto found = entries_.find({at.segment, at.pos});
    if (found == entries_.end() || !found->second.frame) return nullptr;
    touch(found->second);
    if (!std::exchange(found->second.missed, false)) ++counters_.hits;
    return found->second.frame;
}

Task<FramePtr> Frames::get(FrameAt at) {
    if (FramePtr frame = find(at)) co_return frame;
    const auto found = entries_.find({at.segment, at.pos});
    // Held from before it starts: it may end at once, and its frame be gone again.
    std::shared_ptr<Fetch> awaited;
    if (found != entries_.end()) {
        awaited = found->second.fetch;
    } else {
        awaited = begin_fetch(at, true)->fetch;
        Range range;
        range.frames.push_back(at);
        scope_.start(run_fetch(std::move(range)));
    }
    while (!awaited->done) co_await awaited->waiting.wait();
    if (const auto now = entries_.find({at.segment, at.pos}); now != entries_.end())
        now->second.missed = false;
    co_return co_await awaited->outcome;
}

// Of what is stored, and of what it may become; load() gives back what was too much.
std::uint64_t Frames::memory_for(const FrameAt& at) const {
    return at.stored + std::min<std::uint64_t>(options_.block_bytes, std::uint64_t{at.stored} * 4);
}

Frames::Entry* Frames::begin_fetch(const FrameAt& at, bool missed) {
    auto [where, fresh] = entries_.try_emplace({at.segment, at.pos});
    if (!fresh) return nullptr;
    Entry& entry = where->second;
    entry.key = {at.segment, at.pos};
    entry.fetch = std::make_shared<Fetch>();
    entry.missed = missed;
    counters_.misses += missed;
    return &entry;
}

std::vector<Frames::Range> Frames::join(std::vector<FrameAt> wanted) const {
    std::ranges::sort(wanted, {}, [](const FrameAt& at) { return std::pair(at.segment, at.pos); });
    std::vector<Range> ranges;
    for (FrameAt& at : wanted) {
        const bool joins = !ranges.empty() && ranges.back().frames.back().segment == at.segment &&
                           at.pos >= ranges.back().last() &&
                           at.pos - ranges.back().last() <= gap_bytes_max &&
                           at.pos + at.stored - ranges.back().first() <= joined_bytes_max;
        if (!joins) ranges.emplace_back();
        ranges.back().frames.push_back(at);
    }
    return ranges;
}

void Frames::fetch(std::vector<FrameAt> wanted) {
    std::erase_if(wanted, [this](const FrameAt& at) { return !begin_fetch(at, true); });
    for (Range& range : join(std::move(wanted))) scope_.start(run_fetch(std::move(range)));
}

std::size_t Frames::prefetch(const std::vector<FrameAt>& wanted) {
    std::vector<FrameAt> missing;
    std::size_t covered = 0;
    Reservation memory;
    for (const FrameAt& at : wanted) {
        if (!entries_.contains({at.segment, at.pos})) {
            if (gets_.free() <= missing.size()) break;
            auto taken = budget_.try_take(memory_for(at));
            if (!taken) break;
            memory.merge(std::move(*taken));
            missing.push_back(at);
        }
        ++covered;
    }
    // Two extents may lead to one frame.
    std::erase_if(missing, [this](const FrameAt& at) { return !begin_fetch(at, false); });
    for (Range& range : join(std::move(missing))) {
        std::uint64_t bytes = 0;
        for (const FrameAt& at : range.frames) bytes += memory_for(at);
        range.memory = memory.split(bytes);
        scope_.start(run_fetch(std::move(range)));
    }
    return covered;
}

Task<void> Frames::run_fetch(Range range) {
    std::vector<Result<FramePtr>> frames(range.frames.size());
    const auto outcome = co_await result(load(range, frames));
    for (std::size_t i = 0; i < frames.size(); ++i) {
        if (!outcome) frames[i] = fail(outcome.error());
        finish(range.frames[i], std::move(frames[i]));
    }
}

Task<void> Frames::load(Range& range, std::vector<Result<FramePtr>>& frames) {
    co_await gets_.acquire();
    struct Turn {
        task::Semaphore& gets;
        ~Turn() { gets.release(); }
    } turn{gets_};
    if (range.memory.bytes() == 0) {
        std::uint64_t bytes = 0;
        for (const FrameAt& at : range.frames) bytes += memory_for(at);
        // An estimate, and often more than what is needed: what is missing in the end is claimed.
        Account account(budget_);
        co_await account.take(std::min(bytes, budget_.most()));
        range.memory = account.hand_over();
    }
    const std::uint64_t first = range.first(), size = range.last() - first;
    const std::string key = block::segment_key(options_.volume, range.frames[0].segment);
    const Buffer object = co_await store_.get(key, first, size);
    const auto work = [&]() -> Result<void> {
        for (std::size_t i = 0; i < frames.size(); ++i) {
            const FrameAt& at = range.frames[i];
            frames[i] = decode(object, at.pos - first, at, frames.size() == 1);
            if (!frames[i]) frames[i].error().context += fmt::format(" (object {})", key);
        }
        return {};
    };
    if (size <= decode_here_max) co_await work();
    else co_await offload(loop_, work);
    for (auto& frame : frames) {
        if (!frame) continue;
        const std::uint64_t bytes = (*frame)->size();
        Reservation memory = range.memory.split(std::min(bytes, range.memory.bytes()));
        if (memory.bytes() < bytes) memory.merge(budget_.claim(bytes - memory.bytes()));
        std::vector<Buffer> pieces;
        (*frame)->append_to(pieces, 0, bytes);
        pieces[0] = Budget::charge(std::move(pieces[0]), std::move(memory));
        *frame = std::make_shared<const Frame>(std::move(pieces));
    }
}

void Frames::finish(const FrameAt& at, Result<FramePtr> outcome) {
    Entry& entry = entries_.at({at.segment, at.pos});
    const std::shared_ptr<Fetch> fetch = std::move(entry.fetch);
    fetch->outcome = outcome;
    fetch->done = true;
    fetch->waiting.wake_all();
    if (outcome) insert(entry, std::move(*outcome));
    else entries_.erase({at.segment, at.pos});
}

void Frames::insert(Entry& entry, FramePtr frame) {
    entry.overhead = budget_.claim(entry_overhead_bytes);  // may evict, but not yet this one
    entry.frame = std::move(frame);
    entry.since = ++inserted_;
    passing_.push_front(&entry);
    entry.place = passing_.begin();
    reclaimer_->gained();
}

void Frames::put(const FrameAt& at, std::vector<Buffer> pieces) {
    auto [where, fresh] = entries_.try_emplace({at.segment, at.pos});
    if (!fresh) return;
    where->second.key = {at.segment, at.pos};
    insert(where->second, std::make_shared<const Frame>(std::move(pieces)));
}

void Frames::touch(Entry& entry) {
    if (entry.kept) {
        kept_.splice(kept_.begin(), kept_, entry.place);
    } else if (inserted_ - entry.since >= distance_min) {
        kept_.splice(kept_.begin(), passing_, entry.place);
        entry.kept = true;
    }
    // Three quarters at most are kept, so that what comes has time to prove itself.
    if (kept_.size() > 3 * passing_.size() + 3 * distance_min) {
        Entry* oldest = kept_.back();
        passing_.splice(passing_.begin(), kept_, oldest->place);
        oldest->kept = false;
        oldest->since = inserted_;
    }
}

bool Frames::evict_one() {
    Recency& from = passing_.empty() ? kept_ : passing_;
    if (from.empty()) return false;
    const Key victim = from.back()->key;
    from.pop_back();
    entries_.erase(victim);
    return true;
}

void Frames::reclaim(std::uint64_t bytes) {
    const std::uint64_t used = budget_.used();
    // What a reader still holds is not freed by leaving the cache.
    while (used - budget_.used() < bytes && evict_one()) {}
}

}  // namespace flexfs::cache
