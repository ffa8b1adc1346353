#include "lib/upkeep/scrubber.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/loop/pool.h"
#include "lib/meta/snapshot.h"
#include "lib/task/scope.h"
#include "lib/upkeep/segment_reader.h"

namespace flexfs::upkeep {
namespace {

constexpr std::size_t segments_per_read = 1000;  // rows of their table
constexpr std::uint64_t run_bytes = 4 << 20;     // fetched with one request
constexpr std::size_t runs_at_once = 4;
constexpr std::size_t extents_per_read = 100'000;  // in the pool, before the snapshot is renewed
constexpr std::size_t faulty_segments_max = 100'000;

bool is_damage(const Error& error, bool store_failed) {
    return !store_failed && error.code != ECANCELED;
}

}  // namespace

Task<void> Scrubber::run() {
    began_ = monotonic_now();
    co_await count();
    for (SegmentId after = 0;;) {
        const auto segments = co_await volume_.segments(after, segments_per_read);
        for (const meta::SegmentState& segment : segments) {
            after = segment.id;
            if (segment.live == 0) continue;
            co_await verify(segment);
            ++state_.segments;
            state_.bytes += segment.bytes;
            co_await keep_to_rate();
        }
        if (segments.size() < segments_per_read) break;
    }
    if (!faults_.empty()) co_await locate();
}

Task<void> Scrubber::count() {
    for (SegmentId after = 0;;) {
        const auto segments = co_await volume_.segments(after, segments_per_read);
        for (const meta::SegmentState& segment : segments) {
            after = segment.id;
            if (segment.live == 0) continue;
            ++state_.segments_total;
            state_.bytes_total += segment.bytes;
        }
        if (segments.size() < segments_per_read) co_return;
    }
}

Task<void> Scrubber::keep_to_rate() {
    if (options_.bytes_per_second == 0) co_return;
    const auto due = began_ + Duration(std::chrono::nanoseconds(std::int64_t(
                                  double(state_.bytes) / double(options_.bytes_per_second) * 1e9)));
    const Duration now = monotonic_now();
    if (due > now) co_await loop_.sleep(due - now);
}

// A segment may be deleted or rewritten while it is read.
Result<bool> Scrubber::is_gone(SegmentId id) {
    TRY(const auto found, volume_.segments(id - 1, 1));
    return found.empty() || found.front().id != id || found.front().live == 0;
}

Task<void> Scrubber::verify(meta::SegmentState segment) {
    Faults faults;
    bool store_failed = false;
    auto footer = co_await result(
        read_footer(store_, key(segment.id), segment.id, segment.bytes, store_failed));
    if (!footer && !is_damage(footer.error(), store_failed)) co_await fail(footer.error());
    if (!footer) {
        const bool missing = footer.error().code == ENOENT;
        faults.whole = missing ? "the object is missing" : footer.error().message();
        if (footer.error().code == ERANGE) faults.whole = "the object is shorter than it was";
    } else {
        co_await verify_frames(segment, std::move(*footer), faults);
    }
    if (faults.whole.empty() && faults.frames.empty()) co_return;
    if (co_await is_gone(segment.id)) co_return;
    if (faults_.size() >= faulty_segments_max)
        co_await fail(EIO, fmt::format("more than {} objects are damaged", faulty_segments_max));
    faults_[segment.id] = std::move(faults);
}

// Also compares the frames with the extents, which must refer to these very contents.
Result<std::vector<block::SegmentEntry>> Scrubber::entries_in_use(const meta::SegmentState& segment,
                                                                  const block::Footer& footer,
                                                                  Faults& faults) {
    std::map<std::uint32_t, const block::SegmentEntry*> by_pos;
    for (const block::SegmentEntry& entry : footer.entries) by_pos[entry.pos] = &entry;
    std::set<std::uint32_t> used;
    std::uint64_t live = 0;
    std::set<std::pair<wire::Ino, std::uint64_t>> blocks;
    for (const block::SegmentEntry& entry : footer.entries) {
        if (!blocks.insert({entry.info.ino, entry.info.idx}).second) continue;
        const auto rows = volume_.read(wire::Extents{entry.info.ino, entry.info.idx, 1});
        if (code_of(rows) == ENOENT || code_of(rows) == ESTALE) continue;
        if (!rows) return fail(rows.error());
        for (const wire::Extent& extent : rows->extents) {
            if (extent.segment != segment.id) continue;
            live += extent.stored;
            const auto at = by_pos.find(extent.pos);
            if (at == by_pos.end() || at->second->check != extent.check)
                faults.frames[extent.pos] = "the object has other contents than were stored";
            else used.insert(extent.pos);
        }
    }
    // Extents of other blocks share the frames, too.
    const bool all = live != segment.live;
    std::vector<block::SegmentEntry> entries;
    for (const block::SegmentEntry& entry : footer.entries)
        if (all || used.contains(entry.pos)) entries.push_back(entry);
    return entries;
}

Task<void> Scrubber::verify_frames(meta::SegmentState segment, block::Footer footer,
                                   Faults& faults) {
    const std::vector<block::SegmentEntry> entries =
        co_await entries_in_use(segment, footer, faults);
    for (std::size_t at = 0; at < entries.size();) {
        std::vector<Task<void>> runs;
        while (at < entries.size() && runs.size() < runs_at_once) {
            const Run run = next_run(entries, at, run_bytes);
            runs.push_back(verify_run(
                segment, {entries.begin() + long(at), entries.begin() + long(run.end)}, faults));
            at = run.end;
        }
        co_await task::all(std::move(runs));
    }
}

Task<void> Scrubber::verify_run(meta::SegmentState segment,
                                std::vector<block::SegmentEntry> entries, Faults& faults) {
    const Run run = next_run(entries, 0, run_bytes);
    bool store_failed = false;
    const auto range =
        co_await result(read_part(store_, key(segment.id), run.offset, run.bytes, store_failed));
    if (!range && !is_damage(range.error(), store_failed)) co_await fail(range.error());
    for (const block::SegmentEntry& entry : entries) {
        ++state_.frames;
        if (!range) {
            faults.frames[entry.pos] = range.error().message();
            continue;
        }
        const Buffer stored = range->slice(entry.pos - run.offset, entry.stored);
        const auto decoded =
            co_await result(offload(loop_, [stored, check = entry.check]() -> Result<void*> {
                TRY(block::decode_frame(stored, check));
                return nullptr;
            }));
        if (!decoded) faults.frames[entry.pos] = decoded.error().message();
    }
}

// Finds the files that use what is damaged, with one scan of the extents.
Task<void> Scrubber::locate() {
    const std::unique_ptr<meta::Snapshot> snapshot = co_await volume_.snapshot();
    std::set<SegmentId> segments;
    for (const auto& [id, faults] : faults_) segments.insert(id);
    wire::Ino after = 0;
    for (bool more = true; more;) {
        std::vector<meta::FrameUse> uses;
        std::vector<std::string> paths;
        more = co_await offload(loop_, [&]() -> Result<bool> {
            TRY(const bool rest, snapshot->find_uses(segments, after, extents_per_read, uses));
            for (const meta::FrameUse& use : uses) {
                const bool same = !paths.empty() && uses[paths.size() - 1].ino == use.ino;
                TRY(std::string path,
                    same ? Result<std::string>(paths.back()) : snapshot->path_of(use.ino));
                paths.push_back(std::move(path));
            }
            if (rest) TRY(snapshot->refresh());
            return rest;
        });
        for (std::size_t i = 0; i < uses.size(); ++i) report(uses[i], std::move(paths[i]));
    }
}

void Scrubber::report(const meta::FrameUse& use, std::string path) {
    const Faults& faults = faults_[use.segment];
    std::string why = faults.whole;
    if (why.empty()) {
        const auto at = faults.frames.find(use.pos);
        if (at == faults.frames.end()) return;
        why = at->second;
    }
    ++state_.damaged;
    if (state_.found.size() >= damage_max) return;
    state_.found.push_back({.path = std::move(path),
                            .ino = use.ino,
                            .offset = use.idx * volume_.info().block_bytes + use.off,
                            .bytes = use.len,
                            .object = key(use.segment),
                            .why = std::move(why)});
}

}  // namespace flexfs::upkeep
