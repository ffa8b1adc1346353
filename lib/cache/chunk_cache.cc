#include "lib/cache/chunk_cache.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/block/chunk.h"
#include "lib/block/frame.h"
#include "lib/loop/pool.h"

namespace flexfs::cache {
namespace {

constexpr std::uint64_t entry_overhead_bytes = 400;
constexpr std::uint64_t fetched_bytes_max = 2 << 20;  // with one request
constexpr std::uint64_t copied_bytes_max = 1 << 20;   // the same, for copy()
// The number of chunks passed by sequential readers that are kept to be read again.
constexpr std::size_t passed_max = 64;

bool is_surely_raw(const ChunkAt& at) {
    return at.form == wire::FrameForm::chunked &&
           at.stored == block::chunk_bytes + block::chunk_tail_bytes;
}

std::uint64_t memory_of(const ChunkAt& at) {
    return std::uint64_t{at.stored} + (is_surely_raw(at) ? 0 : at.decoded) + entry_overhead_bytes;
}

Error too_short(const ChunkAt& at) {
    return {EIO, fmt::format("segment {:016x} at {}: the frame is shorter than its extent",
                             at.key.segment, at.key.pos)};
}

// Appends slices for bytes [offset, offset + size) of the pieces. Returns false if they end before.
bool append_slices(const std::vector<Buffer>& pieces, std::size_t offset, std::size_t size,
                   std::vector<Buffer>& into) {
    for (const Buffer& piece : pieces) {
        if (size == 0) return true;
        if (offset >= piece.size()) {
            offset -= piece.size();
            continue;
        }
        const std::size_t part = std::min(size, piece.size() - offset);
        into.push_back(piece.slice(offset, part));
        size -= part;
        offset = 0;
    }
    return size == 0;
}

// A chunk read by copy(), and the destination of its bytes.
struct Copied {
    ChunkAt at;
    std::byte* to;
};

}  // namespace

struct ChunkCache::Fetch {
    task::WaitList waiting;
    Result<Buffer> outcome;
    bool done = false;
};

// A sequential reader reads a chunk in several steps while up to an eighth of the budget is fetched
// ahead of it. A chunk that is read again after twice as many chunks have been inserted is worth
// keeping.
ChunkCache::ChunkCache(Loop& loop, object::Store& store, Budget& budget, Options options)
    : loop_(loop),
      budget_(budget),
      block_bytes_(options.block_bytes),
      source_(loop, store, std::move(options.volume), options.gets_max),
      distance_min_(std::clamp<std::uint64_t>(budget.limit() / 4 / block::chunk_bytes, 16, 4096)),
      reclaimer_(
          budget.add_reclaimer([this](Budget::Kind, std::uint64_t bytes) { reclaim(bytes); })) {}

ChunkCache::~ChunkCache() = default;

std::uint64_t ChunkCache::memory_for(const std::vector<ChunkAt>& chunks) {
    std::uint64_t bytes = 0;
    for (const ChunkAt& at : chunks) bytes += memory_of(at);
    return bytes;
}

std::uint64_t ChunkCache::memory_for(const std::vector<FramePart>& parts) const {
    const auto wanted = chunks_of(parts, block_bytes_);
    return wanted ? memory_for(*wanted) : 0;
}

// Returns each missing chunk once.
std::vector<ChunkAt> ChunkCache::missing(const std::vector<ChunkAt>& wanted) const {
    std::vector<ChunkAt> chunks;
    for (const ChunkAt& at : wanted) {
        if (entries_.contains(at.key)) continue;
        const auto same = [&](const ChunkAt& other) { return other.key == at.key; };
        if (std::ranges::none_of(chunks, same)) chunks.push_back(at);
    }
    return chunks;
}

// Making room may evict chunks that the step counted as present. The step then needs more memory,
// and waits its turn for all that it can need.
std::optional<Reservation> ChunkCache::reserve(const std::vector<FramePart>& parts) {
    const auto wanted = chunks_of(parts, block_bytes_);
    if (!wanted) return Reservation();
    const std::uint64_t bytes = memory_for(missing(*wanted));
    if (bytes == 0) return Reservation();
    auto memory = budget_.try_take(bytes);
    if (memory && memory_for(missing(*wanted)) > bytes) memory.reset();
    return memory;
}

ChunkCache::Step ChunkCache::begin(const std::vector<FramePart>& parts, Reservation memory) {
    Step step;
    auto wanted = chunks_of(parts, block_bytes_);
    if (!wanted) {
        step.impossible_ = std::move(wanted.error());
        return step;
    }
    std::vector<ChunkAt> chunks = missing(*wanted);
    check(memory.bytes() >= memory_for(chunks));
    for (const ChunkAt& at : chunks) {
        Entry& entry = entries_[at.key];
        entry.key = at.key;
        entry.fetch = std::make_shared<Fetch>();
    }
    counters_.misses += chunks.size();
    // All chunks are pinned before the first fetch starts: it may end at once, and then its chunk
    // could be evicted.
    for (const ChunkAt& at : *wanted) {
        Entry& entry = entries_.at(at.key);
        step.pieces_.push_back({entry.fetch, {}, at.offset, at.size});
        if (entry.fetch) {
            step.waits_ = true;
            continue;
        }
        ++counters_.hits;
        touch(entry);
        if (!append_slices(entry.data, at.offset, at.size, step.pieces_.back().data))
            step.impossible_ = too_short(at);
    }
    memory.shrink(memory_for(chunks));
    start(std::move(chunks), std::move(memory));
    return step;
}

Task<std::vector<Buffer>> ChunkCache::finish(Step step) {
    if (step.impossible_.code != 0) co_return fail(std::move(step.impossible_));
    std::vector<Buffer> data;
    data.reserve(step.pieces_.size());
    for (Step::Piece& piece : step.pieces_) {
        if (piece.fetch) {
            Fetch& fetch = *piece.fetch;
            while (!fetch.done) co_await fetch.waiting.wait();
            if (!fetch.outcome) co_return fail(fetch.outcome.error());
            if (std::size_t{piece.offset} + piece.size > fetch.outcome->size())
                co_return fail(EIO, "a frame is shorter than its extent");
            data.push_back(fetch.outcome->slice(piece.offset, piece.size));
        } else {
            std::ranges::move(piece.data, std::back_inserter(data));
        }
    }
    co_return data;
}

std::size_t ChunkCache::prefetch(const std::vector<FramePart>& parts) {
    std::vector<ChunkAt> chunks;
    Reservation memory;
    std::uint64_t bytes = 0;
    std::size_t covered = 0;
    for (const FramePart& part : parts) {
        const auto wanted = chunks_of({part}, block_bytes_);
        if (!wanted) break;
        const std::vector<ChunkAt> lacking = missing(*wanted);
        for (const ChunkAt& at : lacking) {
            const bool twice = !chunks.empty() && chunks.back().key == at.key;
            if (twice) continue;
            if (bytes / fetched_bytes_max >= source_.free()) break;
            auto taken = budget_.try_take(memory_of(at));
            if (!taken) break;
            memory.merge(std::move(*taken));
            bytes += at.stored;
            chunks.push_back(at);
        }
        if (!lacking.empty() && (chunks.empty() || chunks.back().key != lacking.back().key)) break;
        ++covered;
    }
    // Two extents may refer to one chunk, and taking memory may have evicted chunks that were
    // present.
    std::uint64_t needed = 0;
    std::erase_if(chunks, [&](const ChunkAt& at) {
        auto [where, fresh] = entries_.try_emplace(at.key);
        if (!fresh) return true;
        where->second.key = at.key;
        where->second.fetch = std::make_shared<Fetch>();
        needed += memory_of(at);
        return false;
    });
    memory.shrink(needed);
    start(std::move(chunks), std::move(memory));
    return covered;
}

// Starts to fetch chunks that have entries; `memory` is for their data.
void ChunkCache::start(std::vector<ChunkAt> chunks, Reservation memory) {
    for (std::vector<ChunkAt>& group : ChunkSource::group(std::move(chunks), fetched_bytes_max)) {
        const std::uint64_t bytes = memory_for(group);
        scope_.start(fetch(std::move(group), memory.split(bytes)));
    }
}

Task<void> ChunkCache::fetch(std::vector<ChunkAt> group, Reservation memory) {
    auto data = co_await result(source_.fetch(group));
    if (!data) data = std::vector(group.size(), Result<Buffer>(std::unexpected(data.error())));
    for (std::size_t i = 0; i < group.size(); ++i)
        settle(group[i], std::move((*data)[i]), memory.split(memory_of(group[i])));
    reclaimer_->gained();
}

void ChunkCache::settle(const ChunkAt& at, Result<Buffer> outcome, Reservation memory) {
    Entry& entry = entries_.at(at.key);
    const std::shared_ptr<Fetch> fetch = std::move(entry.fetch);
    if (outcome) {
        const bool raw = outcome->size() + block::chunk_tail_bytes == at.stored ||
                         outcome->size() + block::header_bytes == at.stored;
        memory.shrink((raw ? at.stored : outcome->size()) + entry_overhead_bytes);
        entry.overhead = memory.split(entry_overhead_bytes);
        *outcome = Budget::charge(std::move(*outcome), std::move(memory));
        insert(entry, {*outcome}, passing_);
    } else {
        entries_.erase(at.key);
    }
    fetch->outcome = std::move(outcome);
    fetch->done = true;
    fetch->waiting.wake_all();
}

std::uint64_t ChunkCache::memory_to_copy(const std::vector<FramePart>& parts) const {
    std::uint64_t bytes = 0;
    const auto wanted = chunks_of(parts, block_bytes_);
    if (!wanted) return 0;
    for (const ChunkAt& at : *wanted)
        bytes = std::max(bytes, std::max<std::uint64_t>(at.stored, copied_bytes_max) + at.decoded);
    return bytes;
}

Task<void> ChunkCache::copy(std::vector<FramePart> parts, std::vector<MutableBytes> into) {
    std::vector<Copied> left;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        std::byte* to = into[i].data();
        const auto chunks = co_await chunks_of({parts[i]}, block_bytes_);
        for (const ChunkAt& at : chunks) {
            left.push_back({at, to});
            to += at.size;
        }
    }
    std::vector<ChunkAt> fetched;
    for (Copied& one : left) {
        const auto found = entries_.find(one.at.key);
        if (found == entries_.end() || found->second.fetch) {
            fetched.push_back(one.at);
            continue;
        }
        std::vector<Buffer> slices;
        if (!append_slices(found->second.data, one.at.offset, one.at.size, slices))
            co_await fail(too_short(one.at));
        for (const Buffer& slice : slices) one.to = std::ranges::copy(slice.view(), one.to).out;
        one.at.size = 0;
    }
    std::erase_if(left, [](const Copied& one) { return one.at.size == 0; });
    std::ranges::sort(left, {}, [](const Copied& one) { return place_of(one.at); });
    std::ranges::sort(fetched, {}, place_of);
    const auto doubles = std::ranges::unique(fetched, {}, place_of);
    fetched.erase(doubles.begin(), doubles.end());
    auto next = left.begin();
    for (const std::vector<ChunkAt>& group :
         ChunkSource::group(std::move(fetched), copied_bytes_max)) {
        const std::vector<Buffer> stored = co_await source_.load(group);
        co_await offload(loop_, [&]() -> Result<void> {
            for (std::size_t i = 0; i < group.size(); ++i) {
                TRY(const Buffer data, source_.decode(stored[i], group[i]));
                for (; next != left.end() && next->at.key == group[i].key; ++next) {
                    if (std::size_t{next->at.offset} + next->at.size > data.size())
                        return std::unexpected(too_short(next->at));
                    std::memcpy(next->to, data.data() + next->at.offset, next->at.size);
                }
            }
            return {};
        });
    }
    if (next != left.end()) co_await fail(too_short(next->at));
}

void ChunkCache::insert(Entry& entry, std::vector<Buffer> data, Recency& list) {
    entry.data = std::move(data);
    entry.since = ++inserted_;
    list.push_front(&entry);
    entry.place = list.begin();
    entry.list = &list;
}

void ChunkCache::put(const FrameAt& at, const std::vector<Buffer>& pieces) {
    const std::size_t total = total_bytes(pieces);
    const std::size_t count = (total + block::chunk_bytes - 1) / block::chunk_bytes;
    auto overhead = budget_.try_take(count * entry_overhead_bytes);
    if (!overhead) return;
    for (std::uint32_t number = 0; number < count; ++number) {
        const std::size_t offset = number * block::chunk_bytes;
        auto [where, fresh] = entries_.try_emplace(ChunkKey{at.segment, at.pos, number, at.check});
        if (!fresh) continue;
        where->second.key = where->first;
        where->second.overhead = overhead->split(entry_overhead_bytes);
        std::vector<Buffer> data;
        append_slices(pieces, offset, std::min(block::chunk_bytes, total - offset), data);
        insert(where->second, std::move(data), passing_);
    }
}

void ChunkCache::move_to(Entry& entry, Recency& list) {
    list.splice(list.begin(), *entry.list, entry.place);
    entry.list = &list;
}

void ChunkCache::touch(Entry& entry) {
    if (entry.list == &kept_) move_to(entry, kept_);
    else if (entry.list == &passed_) move_to(entry, passing_);
    else if (inserted_ - entry.since >= distance_min_) move_to(entry, kept_);
    // At most three quarters are kept, so that new chunks stay long enough to be read again.
    if (kept_.size() > 3 * passing_.size() + 3 * distance_min_) {
        Entry& oldest = *kept_.back();
        move_to(oldest, passing_);
        oldest.since = inserted_;
    }
}

// The next fetch gets the memory of these chunks, which is still in the processor's cache.
void ChunkCache::pass(const std::vector<FramePart>& parts) {
    const auto wanted = chunks_of(parts, block_bytes_);
    if (!wanted) return;
    for (const ChunkAt& at : *wanted) {
        if (std::size_t{at.offset} + at.size < block::chunk_bytes) continue;
        const auto found = entries_.find(at.key);
        if (found != entries_.end() && found->second.list == &passing_)
            move_to(found->second, passed_);
    }
    while (passed_.size() > passed_max) evict_one();
}

bool ChunkCache::evict_one() {
    for (Recency* list : {&passed_, &passing_, &kept_}) {
        if (list->empty()) continue;
        const ChunkKey victim = list->back()->key;
        list->pop_back();
        entries_.erase(victim);
        return true;
    }
    return false;
}

void ChunkCache::reclaim(std::uint64_t bytes) {
    const std::uint64_t used = budget_.used();
    // Evicting a chunk that a reader still holds frees no memory.
    while (used - budget_.used() < bytes && evict_one()) {}
}

}  // namespace flexfs::cache
